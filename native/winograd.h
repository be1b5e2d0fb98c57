// Winograd's form of a 3 x 3 convolution without strides: 16 products for 2 x 2 outputs of a channel, where the window has 36.
//
// y = A^T ((G w G^T) * (B^T x B)) A, where * is element by element, x is 4 x 4 inputs, and y the 2 x 2 outputs that they give
// (Lavin and Gray, 2016). Summed over channels, each of the 16 points is a matrix product of tiles and filters.
#pragma once
#include "convolution.h"

namespace liuli {

constexpr int POINTS = 16;  // of a tile of 4 x 4

// Whether fewer products are worth the way to the points and back.
inline bool in_points(const Convolution& c) {
  auto fits = [](const Axis& a) { return a.taps == 3 && a.stride == 1 && a.apart == 1 && a.before <= 2; };
  return fits(c.rows) && fits(c.columns) && c.channels >= W && c.filters >= W;
}

// B^T x B for W channels: rows of x `line` floats apart, its pixels `pixel`; point i to v[i * step].
INLINE void to_points(const float* x, ptrdiff_t line, ptrdiff_t pixel, float* v, ptrdiff_t step) {
  auto row = [&](auto r, const float* a, const float* b) __attribute__((always_inline)) {
    vec t[4];
    unrolled<4>(EACH(j) { t[j] = r == 1 ? load(a + j * pixel) + load(b + j * pixel) : load(a + j * pixel) - load(b + j * pixel); });
    store(v + (4 * r) * step, t[0] - t[2]);
    store(v + (4 * r + 1) * step, t[1] + t[2]);
    store(v + (4 * r + 2) * step, t[2] - t[1]);
    store(v + (4 * r + 3) * step, t[3] - t[1]);
  };
  row(std::integral_constant<int, 0>(), x, x + 2 * line);
  row(std::integral_constant<int, 1>(), x + line, x + 2 * line);
  row(std::integral_constant<int, 2>(), x + 2 * line, x + line);
  row(std::integral_constant<int, 3>(), x + 3 * line, x + line);
}

// A^T m A for W filters: point i at m[i * step]; y: the four outputs.
INLINE void to_outputs(const float* m, ptrdiff_t step, vec (&y)[4]) {
  vec top[4], bottom[4];
  unrolled<4>(EACH(j) {
    vec middle = load(m + (4 + j) * step), less = load(m + (8 + j) * step);
    top[j] = load(m + j * step) + middle + less;
    bottom[j] = middle - less + load(m + (12 + j) * step);
  });
  y[0] = top[0] + top[1] + top[2], y[1] = top[1] - top[2] + top[3];
  y[2] = bottom[0] + bottom[1] + bottom[2], y[3] = bottom[1] - bottom[2] + bottom[3];
}

// A y A^T for W filters, the way back of to_outputs.
INLINE void from_outputs(const vec (&y)[4], float* m, ptrdiff_t step) {
  auto row = [&](int r, vec a, vec b) __attribute__((always_inline)) {
    store(m + (4 * r) * step, a);
    store(m + (4 * r + 1) * step, a + b);
    store(m + (4 * r + 2) * step, a - b);
    store(m + (4 * r + 3) * step, b);
  };
  row(0, y[0], y[1]), row(1, y[0] + y[2], y[1] + y[3]), row(2, y[0] - y[2], y[1] - y[3]), row(3, y[2], y[3]);
}

// G w G^T for W filters: tap i at w[i * from], point i to u[i * to].
INLINE void kernel_to_points(const float* w, ptrdiff_t from, float* u, ptrdiff_t to) {
  vec t[4][3];
  for (int j = 0; j < 3; j++) {
    vec a = load(w + j * from), b = load(w + (3 + j) * from), c = load(w + (6 + j) * from), ends = 0.5f * (a + c);
    t[0][j] = a, t[1][j] = ends + 0.5f * b, t[2][j] = ends - 0.5f * b, t[3][j] = c;
  }
  for (int i = 0; i < 4; i++, u += 4 * to) {
    vec ends = 0.5f * (t[i][0] + t[i][2]), middle = 0.5f * t[i][1];
    store(u, t[i][0]), store(u + to, ends + middle), store(u + 2 * to, ends - middle), store(u + 3 * to, t[i][2]);
  }
}

// G^T u G for W filters: point i at u[i * step]; f(tap, value)
template <class F>
INLINE void kernel_from_points(const float* u, ptrdiff_t step, F&& f) {
  vec t[3][4];
  for (int j = 0; j < 4; j++) {
    vec b = 0.5f * load(u + (4 + j) * step), c = 0.5f * load(u + (8 + j) * step);
    t[0][j] = load(u + j * step) + b + c, t[1][j] = b - c, t[2][j] = b + c + load(u + (12 + j) * step);
  }
  for (int i = 0; i < 3; i++) {
    vec b = 0.5f * t[i][1], c = 0.5f * t[i][2];
    f(3 * i, t[i][0] + b + c), f(3 * i + 1, b - c), f(3 * i + 2, b + c + t[i][3]);
  }
}

// Tiles of a task: some images, or a band of the rows of one.
struct Tiles {
  int images, rows, columns;  // of tiles
  int each() const { return rows * columns; }
  int count() const { return images * each(); }
};

// Where a tile of a task stands: in which image, in which row and column of its tiles.
struct Place {
  Tiles t;
  int start, image, row, column;
  void next() {
    if (++column < t.columns) return;
    column = 0;
    if (++row < start + t.rows) return;
    row = start, image++;
  }
};

// How the tiles of a batch are shared out: in bands of rows, or in several images where these are small.
struct Shares {
  int batch, rows, columns, images, bands, band;  // rows, columns, band: of tiles
  // channels: floats that a task keeps of each point of a tile
  Shares(int batch, int out_rows, int out_columns, int channels, int threads)
      : batch(batch), rows((out_rows + 1) / 2), columns((out_columns + 1) / 2) {
    const int busy = 2 * threads, most = std::clamp(CACHED / (POINTS * channels), 48, 256);  // tasks at least; tiles of a task
    band = (rows - 1) / std::max((rows * columns + most - 1) / most, (busy + batch - 1) / batch) + 1;
    bands = (rows + band - 1) / band;
    images = bands > 1 ? 1 : std::clamp(batch / busy, 1, std::max(1, most / (rows * columns)));
  }
  static constexpr int CACHED = 1 << 17;
  int count() const { return (batch + images - 1) / images * bands; }
  int image(int i) const { return i / bands * images; }
  int row(int i) const { return i % bands * band; }
  Place first(int i) const { return {tiles(i), row(i), image(i), row(i), 0}; }
  Tiles tiles(int i) const { return {std::min(images, batch - image(i)), std::min(band, rows - row(i)), columns}; }
};

// Points of tiles, for each point (tiles, width), with a cache line between points that would else share places of the cache.
struct Points {
  float* data;
  int tiles, width;
  ptrdiff_t step() const { return static_cast<ptrdiff_t>(tiles) * width + PANEL; }
  size_t floats() const { return static_cast<size_t>(step()) * POINTS; }
  float* at(int point, int tile) const { return data + point * step() + static_cast<ptrdiff_t>(tile) * width; }
};
inline int whole(int n) { return (n + W - 1) / W * W; }

// What the tiles of one image see.
inline Blocks seen_by(const Tiles& t, int channels) { return {nullptr, channels, 2 * t.rows + 2, 2 * t.columns + 2, WIDE}; }

// Of one image; `first` is its first tile.
inline void image_to_points(const Blocks& b, const Tiles& t, const Points& v, int first) {
  for (int k = 0; k < b.count(); k++) {
    const int width = b.width(k);
    const ptrdiff_t line = static_cast<ptrdiff_t>(b.columns) * width;
    for (int y = 0; y < t.rows; y++)
      for (int x = 0; x < t.columns; x++)
        for (int j = 0; j < width; j += W)
          to_points(b.at(k, 2 * y, 2 * x) + j, line, width, v.at(0, first + y * t.columns + x) + k * WIDE + j, v.step());
  }
}

}  // namespace liuli
