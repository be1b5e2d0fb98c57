// Separable convolution: each channel alone, then a mixture of channels at every place, y = (x * D) P + b; and its gradients.
//
// What stands between the two never leaves the cache: a task takes a band of an image through both, and the way back makes
// x * D again, which costs less than to fetch it.
#pragma once
#include "depthwise.h"

namespace liuli {

// x * D and P, (channels, filters); relu as `c` says.
struct Separable {
  Convolution c;  // of each channel alone
  int filters;
  int channels() const { return c.groups; }
  Blocks seen(int outputs) const { return {nullptr, channels(), c.rows.span(outputs), c.columns.span(c.columns.out)}; }
};
struct SeparableForward {
  const float *x, *d, *p, *bias;
  float* y;
};
struct SeparableBackward {
  const float *x, *d, *p;
  Gradient g;  // of a convolution with all channels in one group
  float *dx, *dd, *dp, *db;
};

// x * D of some rows of outputs: (pixels, channels)
inline void each_channel(const Separable& s, const Blocks& b, const float* d, int rows, float* u) {
  const Convolution& c = s.c;
  const int channels = s.channels(), columns = c.columns.out;
  float* taps = scratch<Use::task_too>(static_cast<size_t>(c.taps()) * PANEL);
  for (int k = 0; k < b.count(); k++) {
    pack_taps(d, channels, k, c.taps(), taps, [](int i) { return i; });
    correlate_block(b, k, {0, c.rows.taps, c.rows.stride, c.rows.apart}, {0, c.columns.taps, c.columns.stride, c.columns.apart}, taps,
                    vec{}, vec{}, rows, columns, [&](auto m, int y, int x, auto& tile) __attribute__((always_inline)) {
      float* to = u + (static_cast<ptrdiff_t>(y) * columns + x) * channels + k * PANEL;
      unrolled<m>(EACH(i) { store_row(to + i * channels, tile[i][0], tile[i][1], b.width(k)); });
    });
  }
}

inline void fill_seen(const Separable& s, const Blocks& b, const float* x, int n, int first) {
  const Convolution& c = s.c;
  const float* image = x + static_cast<size_t>(n) * c.rows.in * c.columns.in * s.channels();
  fill(b, image, s.channels(), c.rows, c.columns, first * c.rows.stride - c.rows.before);
}

template <class Pool>
void separable_forward(Pool& pool, const Separable& s, const SeparableForward& a) {
  const Convolution& c = s.c;
  const int channels = s.channels(), columns = c.columns.out;
  float* packed = scratch<Use::packed>(static_cast<size_t>(channels) * panels(s.filters) * PANEL);
  for (int f = 0; f < s.filters; f += PANEL)
    pack(packed + static_cast<size_t>(f) * channels, a.p + f, s.filters, 1, channels, std::min(PANEL, s.filters - f));
  const size_t floats = s.seen(c.rows.out).floats() + static_cast<size_t>(c.rows.out) * columns * channels;
  Bands bands(c.rows.out, 1, floats, c.batch, static_cast<int>(pool.num_threads()));
  parallel_for(pool, c.batch * bands.count, [&](int task) {
    const int n = task / bands.count, first = bands.begin(task % bands.count), rows = bands.end(task % bands.count) - first;
    Blocks b = s.seen(rows);
    b.data = scratch<Use::task>(b.floats() + static_cast<size_t>(rows) * columns * channels);
    float *u = b.data + b.floats(), *y = a.y + (static_cast<size_t>(n) * c.rows.out + first) * columns * s.filters;
    fill_seen(s, b, a.x, n, first);
    each_channel(s, b, a.d, rows, u);
    for (int f = 0; f < s.filters; f += PANEL) {
      const float* panel = packed + static_cast<size_t>(f) * channels;
      const vec low = load(a.bias + f, s.filters - f), high = load(a.bias + f + W, s.filters - f - W);
      by_tiles(rows * columns, [&](auto m, int at) __attribute__((always_inline)) {
        vec tile[m][2];
        unrolled<m>(EACH(i) { tile[i][0] = low, tile[i][1] = high; });
        multiply<m, 2>(channels, u + static_cast<ptrdiff_t>(at) * channels, channels, 1, panel, PANEL, tile);
        if (c.relu) unrolled<m>(EACH(i) { tile[i][0] = relu(tile[i][0]), tile[i][1] = relu(tile[i][1]); });
        unrolled<m>(EACH(i) { store_row(y + static_cast<ptrdiff_t>(at + i) * s.filters + f, tile[i][0], tile[i][1], s.filters - f); });
      });
    }
  });
}

// The gradients of x * D, as blocks of channels with margins, from those of the outputs: g P^T            packed: P^T
inline void unmix(const Separable& s, const Blocks& g, const float* packed, int first, int left, const Blocks& du) {
  for (int k = 0; k < du.count(); k++)
    for (int y = 0; y < du.rows; y++)
      with_margins(du, k, y, first + y >= 0 && first + y < s.c.rows.out, left, s.c.columns.out, [&](float* to, int columns) {
        const int width = du.width(k);
        by_tiles(columns, [&](auto m, int at) __attribute__((always_inline)) {
          vec tile[m][2];
          clear(tile);
          for (int p = 0; p < g.count(); p++)
            multiply<m, 2>(g.width(p), g.at(p, y, at), g.width(p), 1, packed + (static_cast<size_t>(k) * s.filters + p * PANEL) * PANEL,
                           PANEL, tile);
          unrolled<m>(EACH(i) { store_row(to + (at + i) * width, tile[i][0], tile[i][1], width); });
        });
      });
}

// Adds u^T g over some pixels to the gradient of P: for each panel of filters (channels, 16)
inline void add_mixtures(const Blocks& g, int first, int pixels, const float* u, int channels, float* dp) {
  for (int p = 0; p < g.count(); p++, dp += static_cast<ptrdiff_t>(channels) * PANEL)
    by_tiles(channels, [&](auto m, int at) __attribute__((always_inline)) {
      vec tile[m][2];
      float* to = dp + at * PANEL;
      unrolled<m>(EACH(i) { tile[i][0] = load(to + i * PANEL), tile[i][1] = load(to + i * PANEL + W); });
      multiply<m, 2>(pixels, u + at, 1, channels, g.at(p, first, 0), g.width(p), tile);
      unrolled<m>(EACH(i) { store(to + i * PANEL, tile[i][0]), store(to + i * PANEL + W, tile[i][1]); });
    });
}

// The sums that a task adds to, one behind the other: of D, P and b, in panels.
struct SeparableSums {
  size_t d, p, b;
  explicit SeparableSums(const Separable& s)
      : d(static_cast<size_t>(s.c.taps()) * panels(s.channels()) * PANEL),
        p(static_cast<size_t>(s.channels()) * panels(s.filters) * PANEL),
        b(static_cast<size_t>(panels(s.filters)) * PANEL) {}
  size_t all() const { return d + p + b; }
};

// Outputs first .. end - 1 of image n, and the inputs from those of the first on.
inline void separable_back_band(const Separable& s, const SeparableBackward& a, const float* packed, int n, int first, int end, float* sums) {
  const Convolution& c = s.c;
  const Convolution one = dense(c, s.channels());
  const Reach below(c.rows), beside(c.columns);
  const SeparableSums sizes(s);
  const int begin = first * c.rows.stride, last = end == c.rows.out ? c.rows.in : end * c.rows.stride, top = -below.begin;
  const int channels = s.channels(), pixels = (end - first) * c.columns.out;
  Blocks du = outputs_seen(one, below, beside, last - begin, PANEL), seen = s.seen(end - first);
  du.rows = std::max(du.rows, top + end - first);
  Blocks g{nullptr, s.filters, du.rows, c.columns.out};
  g.data = scratch<Use::task>(g.floats() + du.floats() + seen.floats() + static_cast<size_t>(pixels) * channels);
  du.data = g.data + g.floats(), seen.data = du.data + du.floats();
  float* u = seen.data + seen.floats();
  fill(g, a.g, n, 0, first - top, 0);
  unmix(s, g, packed, first - top, -beside.begin, du);
  spread_band(c, du, a.d, a.dx, n, begin, last);
  fill_seen(s, seen, a.x, n, first);
  add_products(c, seen, du, end - first, top, -beside.begin, sums);
  each_channel(s, seen, a.d, end - first, u);
  add_mixtures(g, top, pixels, u, channels, sums + sizes.d);
  add_pixels(g, top, end - first, sums + sizes.d + sizes.p);
}

template <class Pool>
void separable_backward(Pool& pool, const Separable& s, const SeparableBackward& a) {
  const Convolution& c = s.c;
  const int channels = s.channels();
  const SeparableSums sizes(s);
  float* packed = scratch<Use::packed>(static_cast<size_t>(s.filters) * panels(channels) * PANEL);
  for (int k = 0; k < channels; k += PANEL)
    pack(packed + static_cast<size_t>(k) * s.filters, a.p + static_cast<size_t>(k) * s.filters, 1, s.filters, s.filters,
         std::min(PANEL, channels - k));
  const size_t floats = 2 * s.seen(c.rows.out).floats() + static_cast<size_t>(c.rows.out) * c.columns.out * (channels + s.filters);
  Bands bands(c.rows.out, 1, floats / 2, c.batch, static_cast<int>(pool.num_threads()));
  const float* sums = summed(pool, c.batch * bands.count, sizes.all(), [&](int unit, float* mine) {
    const int i = unit % bands.count;
    separable_back_band(s, a, packed, unit / bands.count, bands.begin(i), bands.end(i), mine);
  });
  unpack(sums, c.taps(), channels, a.dd);
  unpack(sums + sizes.d, channels, s.filters, a.dp);
  unpack(sums + sizes.d + sizes.p, 1, s.filters, a.db);
}

}  // namespace liuli
