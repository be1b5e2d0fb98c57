// The gradients of a convolution: in its input, and in its kernel and bias.
#pragma once
#include "convolution.h"

namespace liuli {

// The kernel for one phase of the way back: rows of w backwards, filters become channels.
inline void pack_back(const Convolution& c, const Phase& down, const Phase& right, const float* w, float* to) {
  const ptrdiff_t line = c.outside();
  for (int p = 0; p < c.channels; p += PANEL)
    for (int a = 0; a < down.taps; a++)
      for (int k = 0; k < c.filters; k += WIDE)
        for (int t = 0; t < right.taps; t++) {
          int n = std::min(WIDE, c.filters - k);
          ptrdiff_t row = static_cast<ptrdiff_t>(down.forward(a) * c.columns.taps + right.forward(t)) * c.channels + p;
          pack(to, w + row * line + k, 1, line, n, std::min(PANEL, c.channels - p));
          to += n * PANEL;
        }
}

// f(phase along rows, phase along columns, floats of packed kernels before this)
template <class F>
INLINE void by_phases(const Convolution& c, F&& f) {
  size_t at = 0;
  for (int a = 0; a < c.rows.stride; a++)
    for (int b = 0; b < c.columns.stride; b++) {
      Phase down(c.rows, a), right(c.columns, b);
      f(down, right, at);
      at += static_cast<size_t>(down.taps) * right.taps * c.filters * panels(c.channels) * PANEL;
    }
}

// Outputs whose gradients the inputs first .. end - 1 need; `first` a multiple of the stride.
inline Blocks outputs_seen(const Convolution& c, const Reach& down, const Reach& right, int inputs, int most) {
  return {nullptr, c.filters, down.size((inputs + c.rows.stride - 1) / c.rows.stride),
          right.size((c.columns.in + c.columns.stride - 1) / c.columns.stride), most};
}

// Inputs first .. end - 1 of image n, of one group.
inline void input_band(const Convolution& c, const Gradient& g, const float* packed, float* dx, int group, int n, int first, int end) {
  const Reach below(c.rows), beside(c.columns);
  Blocks b = outputs_seen(c, below, beside, end - first, WIDE);
  b.data = scratch<Use::task>(b.floats());
  fill(b, g, n, group, first / c.rows.stride + below.begin, -beside.begin);
  const ptrdiff_t pixel = c.inside();
  float* image = dx + (static_cast<ptrdiff_t>(n) * c.rows.in + first) * c.columns.in * pixel + group * c.channels;
  by_phases(c, [&](const Phase& down, const Phase& right, size_t at) __attribute__((always_inline)) {
    Steps rows{down.first - below.begin, down.taps, 1, down.apart}, columns{right.first - beside.begin, right.taps, 1, right.apart};
    if (!right.taps) rows.taps = rows.first = columns.first = 0;
    correlate(b, rows, columns, packed + at, c.channels, down.outputs(end - first, c.rows.stride),
              right.outputs(c.columns.in, c.columns.stride), [](int) { return vec{}; },
              [&](auto m, int p, int y, int x, auto& tile) __attribute__((always_inline)) {
                ptrdiff_t row = down.start + static_cast<ptrdiff_t>(y) * c.rows.stride;
                float* to = image + (row * c.columns.in + right.start + x * c.columns.stride) * pixel + p * PANEL;
                unrolled<m>(EACH(i) {
                  store_row(to + i * c.columns.stride * pixel, tile[i][0], tile[i][1], c.channels - p * PANEL);
                });
              });
  });
}

template <class Pool>
void direct_input(Pool& pool, const Convolution& c, const Gradient& g, const float* w, float* dx) {
  float* packed = scratch<Use::packed>(static_cast<size_t>(c.taps()) * c.filters * panels(c.channels) * PANEL);
  size_t floats = outputs_seen(c, Reach(c.rows), Reach(c.columns), c.rows.in, WIDE).floats();
  Bands bands(c.rows.in, c.rows.stride, floats, c.batch, static_cast<int>(pool.num_threads()));
  for (int group = 0; group < c.groups; group++) {
    by_phases(c, [&](const Phase& down, const Phase& right, size_t at) {
      pack_back(c, down, right, w + group * c.filters, packed + at);
    });
    parallel_for(pool, c.batch * bands.count, [&](int task) {
      int i = task % bands.count;
      input_band(c, g, packed, dx, group, task / bands.count, bands.begin(i), bands.end(i));
    });
  }
}

// Adds x^T g over a band to the packed gradient of the kernel: for each panel of filters (taps x channels, 16).
inline void add_products(const Convolution& c, const Input& in, const Blocks& x, const Blocks& g, float* dw) {
  const Steps down = in.down(), right = in.right();
  const bool whole = right.apart == 1;
  for (int p = 0; p < g.count(); p++)
    for (int a = 0; a < down.taps; a++)
      for (int k = 0; k < x.count(); k++) {
        const int width = x.width(k), run = whole ? right.taps * width : width;
        for (int t = 0; t < right.taps; t += whole ? right.taps : 1, dw += run * PANEL)
          by_tiles(run, [&](auto m, int at) __attribute__((always_inline)) {
            vec tile[m][2];
            float* to = dw + at * PANEL;
            unrolled<m>(EACH(i) { tile[i][0] = load(to + i * PANEL), tile[i][1] = load(to + i * PANEL + W); });
            for (int y = 0; y < g.rows; y++)
              multiply<m, 2>(c.columns.out, x.at(k, y * down.stride + a * down.apart, t * right.apart) + at, 1,
                             right.stride * width, g.at(p, y, 0), g.width(p), tile);
            unrolled<m>(EACH(i) { store(to + i * PANEL, tile[i][0]), store(to + i * PANEL + W, tile[i][1]); });
          });
      }
}

// Adds the sums over all pixels of some rows to the gradient of the bias.
inline void add_pixels(const Blocks& g, int first, int rows, float* db) {
  const int pixels = rows * g.columns;
  for (int k = 0; k < g.count(); k++) {
    const float* from = g.at(k, first, 0);
    const int width = g.width(k);
    vec sums[4][2]{};
    for (int i = 0; i < pixels; i++)
      for (int j = 0; j < 2; j++) sums[i & 3][j] += load(from + i * width + W * j);
    for (int j = 0; j < 2; j++) {
      float* to = db + k * PANEL + W * j;
      store(to, load(to) + ((sums[0][j] + sums[1][j]) + (sums[2][j] + sums[3][j])));
    }
  }
}

// The sum of `parts` arrays of n floats, which lie behind each other, in the first of them.
template <class Pool>
void add_up(Pool& pool, float* parts, size_t n, int count) {
  int pieces = n > (1 << 14) ? 2 * static_cast<int>(pool.num_threads()) : 1;
  parallel_for(pool, pieces, [&](int i) {
    size_t begin = n / W * i / pieces * W, end = n / W * (i + 1) / pieces * W;
    for (int part = 1; part < count; part++)
      for (size_t at = begin; at < end; at += W) store(parts + at, load(parts + at) + load(parts + part * n + at));
  });
}

// How many partial sums there are: as many as keep threads busy, fewer where they are large.
inline int partial_sums(int units, size_t floats, int threads) {
  return std::max(1, std::min(units, floats > (1 << 18) ? threads : 4 * threads));
}

// f(unit, sums) for all units, which adds to `floats` floats; returns their sums.
template <class Pool, class F>
float* summed(Pool& pool, int units, size_t floats, F&& f) {
  const int tasks = partial_sums(units, floats, static_cast<int>(pool.num_threads()));
  float* sums = scratch<Use::partial>(floats * tasks);
  parallel_for(pool, tasks, [&](int task) {
    float* mine = sums + floats * task;
    std::memset(mine, 0, sizeof(float) * floats);
    Part part(units, task, tasks);
    for (int u = part.begin; u < part.end; u++) f(u, mine);
  });
  add_up(pool, sums, floats, tasks);
  return sums;
}

template <class Pool>
void direct_kernel(Pool& pool, const Convolution& c, const Gradient& g, const float* x, float* dw, float* db) {
  const Input in{c};
  const size_t panel = static_cast<size_t>(c.taps()) * c.channels * PANEL, kernel = panel * panels(c.filters);
  Blocks all{nullptr, c.filters, c.rows.out, c.columns.out};
  Bands bands(c.rows.out, c.scale(), in.blocks(c.rows.out).floats() + all.floats(), c.batch, static_cast<int>(pool.num_threads()));
  for (int group = 0; group < c.groups; group++) {
    const float* sums = summed(pool, c.batch * bands.count, kernel + panels(c.filters) * PANEL, [&](int unit, float* mine) {
      const int n = unit / bands.count, first = bands.begin(unit % bands.count), end = bands.end(unit % bands.count);
      Blocks seen = in.blocks(end - first), out{nullptr, c.filters, end - first, c.columns.out};
      seen.data = scratch<Use::task>(seen.floats());
      out.data = scratch<Use::task_too>(out.floats());
      in.fill(seen, x + static_cast<size_t>(n) * c.rows.in * c.columns.in * c.inside() + group * c.channels, first);
      fill(out, g, n, group, first, 0);
      add_products(c, in, seen, out, mine);
      add_pixels(out, 0, out.rows, mine + kernel);
    });
    for (int p = 0; p < panels(c.filters); p++) {
      const int n = std::min(PANEL, c.filters - p * PANEL), column = group * c.filters + p * PANEL;
      in.runs([&](int from, int to, int count) {
        for (int i = 0; i < count; i++) {
          const float* row = sums + p * panel + (from + i) * PANEL;
          store_row(dw + static_cast<ptrdiff_t>(to + i) * c.outside() + column, load(row), load(row + W), n);
        }
      });
      const float* pixels = sums + kernel + p * PANEL;
      store_row(db + column, load(pixels), load(pixels + W), n);
    }
  }
}

}  // namespace liuli
