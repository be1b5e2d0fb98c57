// Depthwise convolution: each channel alone, y[i, c] = b[c] + sum over a of x[i s + a d - before, c] w[a, c], and its gradients.
//
// Blocks of 16 channels as in convolution.h; vectors run over channels, and six outputs at a time stay in registers.
#pragma once
#include "convolution_back.h"

namespace liuli {

// The kernel of one block: to[tap][16]; tap(i) says which tap of w is the i-th.
template <class F>
INLINE void pack_taps(const float* w, int channels, int k, int taps, float* to, F&& tap) {
  for (int i = 0; i < taps; i++) {
    const float* from = w + static_cast<ptrdiff_t>(tap(i)) * channels + k * PANEL;
    store(to + i * PANEL, load(from, channels - k * PANEL));
    store(to + i * PANEL + W, load(from + W, channels - k * PANEL - W));
  }
}

// sink(tile's rows, y, x, tile) for all outputs of block k.
template <class Sink>
INLINE void correlate_block(const Blocks& b, int k, Steps down, Steps right, const float* taps, vec low, vec high, int rows,
                            int columns, Sink&& sink) {
  const ptrdiff_t width = b.width(k), step = right.stride * width;
  for (int y = 0; y < rows; y++)
    by_tiles(columns, [&](auto m, int x) __attribute__((always_inline)) {
      vec c[m][2];
      unrolled<m>(EACH(i) { c[i][0] = low, c[i][1] = high; });
      const float* kernel = taps;
      for (int a = 0; a < down.taps; a++) {
        const float* from = b.at(k, down.first + y * down.stride + a * down.apart, right.first + x * right.stride);
        for (int t = 0; t < right.taps; t++, from += right.apart * width, kernel += PANEL) {
          vec l = load(kernel), h = load(kernel + W);
          unrolled<m>(EACH(i) { c[i][0] += l * load(from + i * step), c[i][1] += h * load(from + i * step + W); });
        }
      }
      sink(m, y, x, c);
    });
}

template <class Pool>
void depthwise_forward(Pool& pool, const Convolution& c, const ConvolutionArrays& a) {
  const Steps down{0, c.rows.taps, c.rows.stride, c.rows.apart}, right{0, c.columns.taps, c.columns.stride, c.columns.apart};
  const int channels = c.groups, wide = c.columns.span(c.columns.out);
  auto seen = [&](int outputs) { return Blocks{nullptr, channels, c.rows.span(outputs), wide}; };
  Bands bands(c.rows.out, 1, seen(c.rows.out).floats(), c.batch, static_cast<int>(pool.num_threads()));
  parallel_for(pool, c.batch * bands.count, [&](int task) {
    const int n = task / bands.count, first = bands.begin(task % bands.count), end = bands.end(task % bands.count);
    Blocks b = seen(end - first);
    b.data = scratch<Use::task>(b.floats());
    float* taps = scratch<Use::task_too>(static_cast<size_t>(c.taps()) * PANEL);
    fill(b, a.x + static_cast<size_t>(n) * c.rows.in * c.columns.in * channels, channels, c.rows, c.columns,
         first * c.rows.stride - c.rows.before);
    auto finish = [&](vec v) __attribute__((always_inline)) { return c.relu ? relu(v) : v; };
    for (int k = 0; k < b.count(); k++) {
      const int f = k * PANEL, width = b.width(k);
      pack_taps(a.w, channels, k, c.taps(), taps, [](int i) { return i; });
      float* band = a.y + (static_cast<size_t>(n) * c.rows.out + first) * c.columns.out * channels + f;
      correlate_block(b, k, down, right, taps, load(a.bias + f, width), load(a.bias + f + W, width - W), end - first, c.columns.out,
                      [&](auto m, int y, int x, auto& tile) __attribute__((always_inline)) {
                        float* to = band + (static_cast<size_t>(y) * c.columns.out + x) * channels;
                        unrolled<m>(EACH(i) { store_row(to + i * channels, finish(tile[i][0]), finish(tile[i][1]), width); });
                      });
    }
  });
}

// The inputs first .. end - 1 of an image, from the gradients of the outputs that see them.
inline void spread_band(const Convolution& c, const Blocks& b, const float* w, float* dx, int n, int first, int end) {
  const Reach below(c.rows), beside(c.columns);
  const int channels = c.groups;
  float* taps = scratch<Use::task_too>(static_cast<size_t>(c.taps()) * PANEL);
  by_phases(c, [&](const Phase& down, const Phase& right, size_t) __attribute__((always_inline)) {
    Steps rows{down.first - below.begin, down.taps, 1, down.apart}, columns{right.first - beside.begin, right.taps, 1, right.apart};
    if (!right.taps) rows.taps = rows.first = columns.first = 0;
    for (int k = 0; k < b.count(); k++) {
      pack_taps(w, channels, k, rows.taps * right.taps, taps, [&](int i) {
        return down.forward(i / right.taps) * c.columns.taps + right.forward(i % right.taps);
      });
      float* image = dx + (static_cast<ptrdiff_t>(n) * c.rows.in + first) * c.columns.in * channels + k * PANEL;
      correlate_block(b, k, rows, columns, taps, vec{}, vec{}, down.outputs(end - first, c.rows.stride),
                      right.outputs(c.columns.in, c.columns.stride),
                      [&](auto m, int y, int x, auto& tile) __attribute__((always_inline)) {
                        ptrdiff_t row = down.start + static_cast<ptrdiff_t>(y) * c.rows.stride;
                        float* to = image + (row * c.columns.in + right.start + x * c.columns.stride) * channels;
                        unrolled<m>(EACH(i) {
                          store_row(to + i * c.columns.stride * channels, tile[i][0], tile[i][1], b.width(k));
                        });
                      });
    }
  });
}

// The same convolution with all channels in one group: what stands at its outputs is alike.
inline Convolution dense(const Convolution& c, int filters) {
  Convolution one = c;
  one.channels = c.inside(), one.filters = filters, one.groups = 1;
  return one;
}

template <class Pool>
void depthwise_input(Pool& pool, const Convolution& c, const Gradient& g, const float* w, float* dx) {
  const Reach below(c.rows), beside(c.columns);
  const Convolution one = dense(c, c.groups);
  const Gradient all{g.dy, g.y, g.where, &one};
  size_t floats = outputs_seen(one, below, beside, c.rows.in, PANEL).floats();
  Bands bands(c.rows.in, c.rows.stride, floats, c.batch, static_cast<int>(pool.num_threads()));
  parallel_for(pool, c.batch * bands.count, [&](int task) {
    const int n = task / bands.count, first = bands.begin(task % bands.count), end = bands.end(task % bands.count);
    Blocks b = outputs_seen(one, below, beside, end - first, PANEL);
    b.data = scratch<Use::task>(b.floats());
    fill(b, all, n, 0, first / c.rows.stride + below.begin, -beside.begin);
    spread_band(c, b, w, dx, n, first, end);
  });
}

// Adds x g over some rows of outputs, which begin at a place in g, to the gradient of the kernel: for each block (taps, 16).
inline void add_products(const Convolution& c, const Blocks& x, const Blocks& g, int rows, int top, int left, float* dw) {
  const int columns = std::min(c.columns.out, g.columns - left);
  for (int k = 0; k < g.count(); k++, dw += c.taps() * PANEL) {
    const ptrdiff_t width = g.width(k), step = c.columns.stride * width;
    by_tiles(c.taps(), [&](auto m, int tap) __attribute__((always_inline)) {
      vec sums[m][2];
      ptrdiff_t place[m];
      unrolled<m>(EACH(i) {
        sums[i][0] = load(dw + (tap + i) * PANEL), sums[i][1] = load(dw + (tap + i) * PANEL + W);
        int a = (tap + i) / c.columns.taps, t = (tap + i) % c.columns.taps;
        place[i] = (static_cast<ptrdiff_t>(a) * c.rows.apart * x.columns + t * c.columns.apart) * width;
      });
      for (int y = 0; y < rows; y++) {
        const float *from = x.at(k, y * c.rows.stride, 0), *out = g.at(k, top + y, left);
        for (int i = 0; i < columns; i++, from += step, out += width) {
          vec low = load(out), high = load(out + W);
          unrolled<m>(EACH(j) { sums[j][0] += low * load(from + place[j]), sums[j][1] += high * load(from + place[j] + W); });
        }
      }
      unrolled<m>(EACH(i) { store(dw + (tap + i) * PANEL, sums[i][0]), store(dw + (tap + i) * PANEL + W, sums[i][1]); });
    });
  }
}

// Panels (rows, 16) to a matrix (rows, columns).
inline void unpack(const float* panels_at, int rows, int columns, float* to) {
  for (int k = 0; k < columns; k += PANEL)
    for (int i = 0; i < rows; i++, panels_at += PANEL)
      store_row(to + static_cast<ptrdiff_t>(i) * columns + k, load(panels_at), load(panels_at + W), columns - k);
}

template <class Pool>
void depthwise_kernel(Pool& pool, const Convolution& c, const Gradient& g, const float* x, float* dw, float* db) {
  const int channels = c.groups, wide = c.columns.span(c.columns.out);
  const Convolution one = dense(c, channels);
  const Gradient all{g.dy, g.y, g.where, &one};
  const size_t kernel = static_cast<size_t>(c.taps()) * panels(channels) * PANEL;
  size_t floats = static_cast<size_t>(channels) * (static_cast<size_t>(c.rows.span(c.rows.out)) * wide + c.rows.out * c.columns.out);
  Bands bands(c.rows.out, 1, floats, c.batch, static_cast<int>(pool.num_threads()));
  const float* sums = summed(pool, c.batch * bands.count, kernel + panels(channels) * PANEL, [&](int unit, float* mine) {
    const int n = unit / bands.count, first = bands.begin(unit % bands.count), end = bands.end(unit % bands.count);
    Blocks seen{nullptr, channels, c.rows.span(end - first), wide}, out{nullptr, channels, end - first, c.columns.out};
    seen.data = scratch<Use::task>(seen.floats());
    out.data = scratch<Use::task_too>(out.floats());
    fill(seen, x + static_cast<size_t>(n) * c.rows.in * c.columns.in * channels, channels, c.rows, c.columns,
         first * c.rows.stride - c.rows.before);
    fill(out, all, n, 0, first, 0);
    add_products(c, seen, out, out.rows, 0, 0, mine);
    add_pixels(out, 0, out.rows, mine + kernel);
  });
  unpack(sums, c.taps(), channels, dw);
  unpack(sums + kernel, 1, channels, db);
}

}  // namespace liuli
