// Convolution of images, channels last: y[i, f] = b[f] + sum over a, c of x[i s + a d - before, c] w[a, c, f], and its gradients.
//
// A task takes a band of rows of an image, copies it into blocks of channels with the padding around it, and multiplies from
// there: six outputs that lie side by side and sixteen filters at a time stay in registers, a row of the window is one run of
// the inner loop. The outputs are finished (bias, relu, the largest of 2 x 2) before they leave the cache.
#pragma once
#include "convolution_axes.h"

namespace liuli {

struct ConvolutionArrays {
  const float *x, *w, *bias;
  float* y;
  uint8_t* where;  // the place of the largest of each 2 x 2, for the way back; or null
};

// The inputs of a group as the product sees them: where channels are few, all rows of a window are side by side as channels.
struct Input {
  const Convolution& c;
  int most = PANEL;  // channels of a block
  bool folded() const { return c.rows.taps > 1 && c.rows.taps * c.channels <= PANEL; }
  int channels() const { return folded() ? c.rows.taps * c.channels : c.channels; }
  Steps down() const { return folded() ? Steps{0, 1, 1, 1} : Steps{0, c.rows.taps, c.rows.stride, c.rows.apart}; }
  Steps right() const { return {0, c.columns.taps, c.columns.stride, c.columns.apart}; }
  Blocks blocks(int outputs) const {
    return {nullptr, channels(), folded() ? outputs : c.rows.span(outputs), c.columns.span(c.columns.out), most};
  }
  // What outputs first, first + 1, ... of an image see.
  void fill(const Blocks& b, const float* image, int first) const {
    if (!folded()) return liuli::fill(b, image, c.inside(), c.rows, c.columns, first * c.rows.stride - c.rows.before);
    std::memset(b.data, 0, sizeof(float) * b.channels * b.rows * b.columns);
    for (int y = 0; y < b.rows; y++)
      for (int a = 0; a < c.rows.taps; a++) fold(b, image, y, a, (first + y) * c.rows.stride + a * c.rows.apart - c.rows.before);
  }
  // f(row of the packed kernel, row of w, how many) for all runs of rows that are contiguous in both
  template <class F>
  void runs(F&& f) const {
    int at = 0, parts = folded() ? c.rows.taps : 1, all = channels();
    for (int a = 0; a < down().taps; a++)
      for (int first = 0; first < all; first += most)
        for (int t = 0; t < c.columns.taps; t++)
          for (int part = 0; part < parts; part++) {
            int n = folded() ? c.channels : std::min(most, all - first);
            f(at, ((a + part) * c.columns.taps + t) * c.channels + first, n);
            at += n;
          }
  }

 private:
  void fold(const Blocks& b, const float* image, int y, int a, int row) const {
    if (row < 0 || row >= c.rows.in) return;
    const float* from = image + static_cast<ptrdiff_t>(row) * c.columns.in * c.inside();
    int left = c.columns.before, right = std::max(0, std::min(c.columns.in, b.columns - left));
    copy_pixels(b.at(0, y, left) + a * c.channels, b.channels, from, c.inside(), c.channels, right);
  }
};

// sink(tile's rows, panel, y, x, tile) for all outputs y < rows, x < columns and all panels of n outputs each.
template <class Start, class Sink>
INLINE void correlate(const Blocks& b, Steps down, Steps right, const float* packed, int n, int rows, int columns, Start&& start,
                      Sink&& sink) {
  const bool whole = right.apart == 1;  // a row of the window is contiguous
  for (int p = 0; p < panels(n); p++) {
    const float* panel = packed + static_cast<size_t>(p) * down.taps * b.channels * right.taps * PANEL;
    vec low = start(p * PANEL), high = start(p * PANEL + W);
    for (int y = 0; y < rows; y++)
      by_tiles(columns, [&](auto m, int x) __attribute__((always_inline)) {
        vec c[m][2];
        unrolled<m>(EACH(i) { c[i][0] = low, c[i][1] = high; });
        const float* kernel = panel;
        for (int a = 0; a < down.taps; a++)
          for (int k = 0; k < b.count(); k++) {
            int width = b.width(k), run = whole ? right.taps * width : width;
            const float* from = b.at(k, down.first + y * down.stride + a * down.apart, right.first + x * right.stride);
            for (int t = 0; t < right.taps; t += whole ? right.taps : 1, kernel += run * PANEL)
              multiply<m, 2>(run, from + t * right.apart * width, right.stride * width, 1, kernel, PANEL, c);
          }
        sink(m, p, y, x, c);
      });
  }
}

// The largest of four outputs, not a number once one is; and its place, 4 where relu leaves none.
INLINE vec largest_of(const vec (&four)[4], bool relu, ivec& place) {
  vec largest = four[0], shown = largest;
  place = ivec{};
  for (int i = 1; i < 4; i++) {
    ivec more = four[i] > shown;
    place = more ? ivec{} + i : place;
    largest = more ? four[i] : largest;
    shown = (more | (four[i] != four[i])) ? four[i] : shown;
  }
  if (!relu) return shown;
  place = largest > vec{} ? place : ivec{} + 4;
  return liuli::relu(shown);
}

// Two rows of outputs, 16 filters each, to the largest of each 2 x 2, of which the first n filters are kept.
inline void pool_rows(const float* rows, int columns, bool relu, int n, ptrdiff_t pixel, float* y, uint8_t* where) {
  for (int x = 0; x + 1 < columns; x += 2, rows += 2 * PANEL)
    for (int j = 0; j < n; j += W) {
      const float* below = rows + columns * PANEL + j;
      vec four[4] = {load(rows + j), load(rows + PANEL + j), load(below), load(below + PANEL)};
      ivec place;
      vec largest = largest_of(four, relu, place);
      ptrdiff_t at = static_cast<ptrdiff_t>(x / 2) * pixel + j;
      store(y + at, largest, n - j);
      if (where) store_bytes(where + at, place, n - j);
    }
}

// Outputs first .. end - 1 of image n, of one group.
inline void forward_band(const Convolution& c, const ConvolutionArrays& a, const float* packed, int group, int n, int first, int end) {
  Input in{c, WIDE};
  Blocks b = in.blocks(end - first);
  b.data = scratch<Use::task>(b.floats() + static_cast<size_t>(2) * c.columns.out * PANEL);
  float* two = b.data + b.floats();  // rows of outputs before pooling
  in.fill(b, a.x + static_cast<size_t>(n) * c.rows.in * c.columns.in * c.inside() + group * c.channels, first);
  const int scale = c.scale(), columns = c.columns.out, line = columns / scale;
  const ptrdiff_t pixel = c.outside();
  const float* bias = a.bias + group * c.filters;
  const size_t start = (static_cast<size_t>(n) * (c.rows.out / scale) + first / scale) * line * pixel + group * c.filters;
  auto begin = [&](int f) { return load(bias + f, c.filters - f); };
  auto finish = [&](vec v) __attribute__((always_inline)) { return c.relu ? relu(v) : v; };
  if (!c.pool)
    return correlate(b, in.down(), in.right(), packed, c.filters, end - first, columns, begin,
                     [&](auto m, int p, int y, int x, auto& tile) __attribute__((always_inline)) {
                       float* to = a.y + start + (static_cast<size_t>(y) * line + x) * pixel + p * PANEL;
                       unrolled<m>(EACH(i) {
                         store_row(to + i * pixel, finish(tile[i][0]), finish(tile[i][1]), c.filters - p * PANEL);
                       });
                     });
  correlate(b, in.down(), in.right(), packed, c.filters, end - first, columns, begin,
            [&](auto m, int p, int y, int x, auto& tile) __attribute__((always_inline)) {
              float* to = two + ((y & 1) * columns + x) * PANEL;
              unrolled<m>(EACH(i) { store(to + i * PANEL, tile[i][0]), store(to + i * PANEL + W, tile[i][1]); });
              if (!(y & 1) || x + m < columns) return;
              size_t at = start + static_cast<size_t>(y / 2) * line * pixel + p * PANEL;
              pool_rows(two, columns, c.relu, std::min(PANEL, c.filters - p * PANEL), pixel, a.y + at, a.where ? a.where + at : nullptr);
            });
}

template <class Pool>
void direct_forward(Pool& pool, const Convolution& c, const ConvolutionArrays& a) {
  Input in{c, WIDE};
  const size_t panel = static_cast<size_t>(c.taps()) * c.channels * PANEL;
  Bands bands(c.rows.out, c.scale(), in.blocks(c.rows.out).floats(), c.batch, static_cast<int>(pool.num_threads()));
  float* packed = scratch<Use::packed>(panel * panels(c.filters));
  for (int group = 0; group < c.groups; group++) {
    parallel_for(pool, panels(c.filters), [&](int p) {
      const float* w = a.w + group * c.filters + p * PANEL;
      in.runs([&](int to, int from, int n) {
        pack(packed + p * panel + to * PANEL, w + static_cast<ptrdiff_t>(from) * c.outside(), c.outside(), 1, n,
             std::min(PANEL, c.filters - p * PANEL));
      });
    });
    parallel_for(pool, c.batch * bands.count, [&](int task) {
      int i = task % bands.count;
      forward_band(c, a, packed, group, task / bands.count, bands.begin(i), bands.end(i));
    });
  }
}

}  // namespace liuli
