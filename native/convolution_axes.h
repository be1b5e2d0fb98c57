// What convolutions have in common: where windows stand, bands of rows, and images in blocks of channels.
#pragma once
#include <numeric>

#include "pool.h"
#include "tile.h"

namespace liuli {

// One axis of space: tap t of output i sees the input i stride + t apart - before.
struct Axis {
  int in, out, taps, stride, apart, before;
  int span(int outputs) const { return (outputs - 1) * stride + (taps - 1) * apart + 1; }  // inputs that they see
};

// Tap t of output i sees the place first + i stride + t apart.
struct Steps {
  int first, taps, stride, apart;
};

// The way back along an axis: inputs start, start + stride, ... see only those taps that fall on outputs, which are `skip`
// apart; counted backwards, these taps see outputs as a convolution without strides sees inputs.
struct Phase {
  int start, tap, skip, taps, first, apart;
  Phase(const Axis& a, int residue) {
    start = (residue + a.stride - a.before % a.stride) % a.stride;
    skip = a.stride / std::gcd(a.stride, a.apart);
    apart = skip * a.apart / a.stride;
    for (tap = 0; tap < skip && tap * a.apart % a.stride != residue; tap++) {}
    taps = tap < skip && tap < a.taps ? (a.taps - 1 - tap) / skip + 1 : 0;
    first = taps ? (start + a.before - tap * a.apart) / a.stride - (taps - 1) * apart : 0;
  }
  int forward(int t) const { return tap + (taps - 1 - t) * skip; }  // which tap of the convolution is tap t of the way back
  int outputs(int in, int stride) const { return in > start ? (in - start + stride - 1) / stride : 0; }
};

// Outputs begin, ..., begin + size - 1, of which the first inputs of all phases see some.
struct Reach {
  int begin = 0, end = 0;
  explicit Reach(const Axis& a) {
    for (int r = 0; r < a.stride; r++) {
      Phase p(a, r);
      if (!p.taps) continue;
      begin = std::min(begin, p.first);
      end = std::max(end, p.first + (p.taps - 1) * p.apart);
    }
  }
  int size(int outputs) const { return outputs + end - begin; }
};

// Sizes of a call. Channels and filters are those of one group; a pixel in memory holds those of all groups.
struct Convolution {
  int batch, channels, filters, groups;
  Axis rows, columns;
  bool relu, pool;
  int inside() const { return channels * groups; }
  int outside() const { return filters * groups; }
  int taps() const { return rows.taps * columns.taps; }
  int scale() const { return pool ? 2 : 1; }
};

// Equal parts of `rows`, each a multiple of `unit`, so that what a part needs stays in the cache and threads have work.
struct Bands {
  int rows, size, count;
  Bands(int rows, int unit, size_t floats, int batch, int threads) : rows(rows) {
    size_t parts = std::max<size_t>(floats / CACHED + 1, static_cast<size_t>((2 * threads + batch - 1) / batch));
    int units = (rows + unit - 1) / unit;
    size = std::max<int>(1, static_cast<int>((units + parts - 1) / parts)) * unit;
    count = (rows + size - 1) / size;
  }
  int begin(int i) const { return i * size; }
  int end(int i) const { return std::min(rows, (i + 1) * size); }
  static constexpr size_t CACHED = 1 << 17;
};

// Part of an image, in blocks of 16 channels or `most`, the last as narrow as it is: (block, rows, columns, its width).
struct Blocks {
  float* data;
  int channels, rows, columns, most = PANEL;
  static constexpr int SLACK = PANEL;  // floats that are read behind the last
  int count() const { return (channels + most - 1) / most; }
  int width(int k) const { return std::min(most, channels - k * most); }
  size_t floats() const { return static_cast<size_t>(channels) * rows * columns + SLACK; }
  float* at(int k, int y, int x) const {
    return data + static_cast<size_t>(k) * most * rows * columns + (static_cast<size_t>(y) * columns + x) * width(k);
  }
};

constexpr int WIDE = 4 * PANEL;  // channels of a block where the product runs along channels

// f(n), where the compiler knows n if it is a usual one: a whole block, a grey or a coloured pixel.
template <class F>
INLINE void known(int n, F&& f) {
  if (n == PANEL) f(std::integral_constant<int, PANEL>());
  else if (n == WIDE) f(std::integral_constant<int, WIDE>());
  else if (n == 1) f(std::integral_constant<int, 1>());
  else if (n == 3) f(std::integral_constant<int, 3>());
  else f(n);
}

// n floats of each of `pixels` pixels, which are `from_step` apart, to places `to_step` apart.
inline void copy_pixels(float* to, ptrdiff_t to_step, const float* from, ptrdiff_t from_step, int n, int pixels) {
  if (n == to_step && n == from_step) {
    std::memcpy(to, from, sizeof(float) * n * pixels);
    return;
  }
  known(n, [&](auto n) __attribute__((always_inline)) {
    for (int i = 0; i < pixels; i++, to += to_step, from += from_step)
      for (int j = 0; j < n; j++) to[j] = from[j];
  });
}

// f(place, first, count): row `y` of blocks, `left` of its columns before the image begins; zeros where it is not.
template <class F>
INLINE void with_margins(const Blocks& b, int k, int y, bool inside, int left, int columns, F&& f) {
  int width = b.width(k), right = std::max(0, std::min(columns, b.columns - left));
  float* row = b.at(k, y, 0);
  if (!inside || right == 0) {
    std::memset(row, 0, sizeof(float) * width * b.columns);
    return;
  }
  std::memset(row, 0, sizeof(float) * width * left);
  f(row + left * width, right);
  std::memset(row + (left + right) * width, 0, sizeof(float) * width * (b.columns - left - right));
}

// Rows first, first + 1, ... of an image whose pixels are `pixel` floats apart.
inline void fill(const Blocks& b, const float* image, ptrdiff_t pixel, const Axis& rows, const Axis& columns, int first) {
  for (int k = 0; k < b.count(); k++)
    for (int y = 0; y < b.rows; y++) {
      int from = first + y;
      with_margins(b, k, y, from >= 0 && from < rows.in, columns.before, columns.in, [&](float* to, int n) {
        const float* source = image + static_cast<ptrdiff_t>(from) * columns.in * pixel + k * b.most;
        copy_pixels(to, b.width(k), source, pixel, b.width(k), n);
      });
    }
}

// Small numbers as bytes in memory, the first n; by shifts, since conversions of vectors become scalar code.
INLINE ivec byte_shifts() { return ivec{0, 8, 16, 24, 0, 8, 16, 24}; }
INLINE ivec load_bytes(const uint8_t* p, int n) {
  int32_t half[2] = {};
  if (n >= W) std::memcpy(half, p, W);
  else for (int i = 0; i < n; i++) half[i / 4] |= p[i] << i % 4 * 8;
  ivec both{half[0], half[0], half[0], half[0], half[1], half[1], half[1], half[1]};
  return (both >> byte_shifts()) & 255;
}
INLINE void store_bytes(uint8_t* p, ivec v, int n) {
  v = v << byte_shifts();
  v |= __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6);
  v |= __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
  int32_t half[2] = {v[0], v[4]};
  if (n >= W) std::memcpy(p, half, W);
  else for (int i = 0; i < n; i++) p[i] = static_cast<uint8_t>(half[i / 4] >> i % 4 * 8);
}

// The gradient of a convolution's outputs, from that of what became of them by relu and pooling.
struct Gradient {
  const float *dy, *y;   // y: the outputs, where relu alone came after
  const uint8_t* where;  // the place of the largest of each 2 x 2 outputs, 4: none; where pooled
  const Convolution* c;

  // Row `row` of image n, filters `from` .. `from + width - 1`: the first `columns` pixels
  void to(float* out, int n, int row, int from, int width, int columns) const {
    ptrdiff_t pixel = c->outside(), line = static_cast<ptrdiff_t>(c->columns.out / c->scale()) * pixel;
    ptrdiff_t at = (static_cast<ptrdiff_t>(n) * (c->rows.out / c->scale()) + row / c->scale()) * line + from;
    if (!c->pool && !c->relu) return copy_pixels(out, width, dy + at, pixel, width, columns);
    known(width, [&](auto width) __attribute__((always_inline)) {
      if (c->pool) pooled(out, at, pixel, 2 * (row & 1), width, columns);
      else positive(out, at, pixel, width, columns);
    });
  }

 private:
  template <class Width>
  INLINE void positive(float* out, ptrdiff_t at, ptrdiff_t pixel, Width width, int columns) const {
    for (int x = 0; x < columns; x++, at += pixel, out += width)
      for (int j = 0; j < width; j += W) {
        vec kept = load(y + at + j, width - j) > vec{} ? load(dy + at + j, width - j) : vec{};
        store(out + j, kept, width - j);
      }
  }
  template <class Width>
  INLINE void pooled(float* out, ptrdiff_t at, ptrdiff_t pixel, int place, Width width, int columns) const {
    for (int x = 0; x + 1 < columns; x += 2, at += pixel, out += 2 * width)
      for (int j = 0; j < width; j += W) {
        vec g = load(dy + at + j, width - j);
        ivec here = load_bytes(where + at + j, width - j);
        store(out + j, here == place ? g : vec{}, width - j);
        store(out + width + j, here == place + 1 ? g : vec{}, width - j);
      }
  }
};

// Outputs first, first + 1, ... of image n, `left` columns of zeros before them; `group` is whose filters.
inline void fill(const Blocks& b, const Gradient& g, int n, int group, int first, int left) {
  for (int k = 0; k < b.count(); k++)
    for (int y = 0; y < b.rows; y++) {
      int from = first + y;
      with_margins(b, k, y, from >= 0 && from < g.c->rows.out, left, g.c->columns.out, [&](float* to, int columns) {
        g.to(to, n, from, group * g.c->filters + k * b.most, b.width(k), columns);
      });
    }
}

}  // namespace liuli
