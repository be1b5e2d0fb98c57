// Winograd's form of a 3 x 3 convolution without strides: 36 products for 4 x 4 outputs of a channel, where the window has 144.
//
// y = A^T ((G w G^T) * (B^T x B)) A, where * is element by element, x is 6 x 6 inputs, and y the 4 x 4 outputs that they give
// (Lavin and Gray, 2016). Summed over channels, each of the 36 points is a matrix product of tiles and filters. The polynomials
// behind it are taken at 0, +-a, +-b and infinity. a = 1/b = sqrt(1/2) keeps the numbers of one size, and so the digits: at 1 and 2,
// which are usual, the errors are three times those of these.
#pragma once
#include "convolution.h"

namespace liuli {

constexpr int SIDE = 4, SEEN = SIDE + 2;  // of a tile: its outputs, its inputs
constexpr int OUTPUTS = SIDE * SIDE, POINTS = SEEN * SEEN;
constexpr float A = 0.70710678f, B = 1.41421356f;

inline int tiles_of(int outputs) { return (outputs + SIDE - 1) / SIDE; }

// Whether fewer products are worth the way to the points and back: not where most of the tiles lies outside.
inline bool in_points(const Convolution& c) {
  auto fits = [](const Axis& a) { return a.taps == 3 && a.stride == 1 && a.apart == 1 && a.before <= 2; };
  const bool filled = 2 * c.rows.out * c.columns.out >= OUTPUTS * tiles_of(c.rows.out) * tiles_of(c.columns.out);
  return fits(c.rows) && fits(c.columns) && filled && c.channels >= W && c.filters >= W;
}

// B^T x
INLINE void to_points(const vec (&x)[SEEN], vec (&v)[SEEN]) {
  const vec even = x[4] - 2.f * x[2], odd = A * (x[3] - 2.f * x[1]), evens = x[4] - 0.5f * x[2], odds = B * (x[3] - 0.5f * x[1]);
  v[0] = x[0] - 2.5f * x[2] + x[4], v[5] = x[1] - 2.5f * x[3] + x[5];
  v[1] = even + odd, v[2] = even - odd, v[3] = evens + odds, v[4] = evens - odds;
}

// A^T m
INLINE void to_outputs(const vec (&m)[SEEN], vec (&y)[SIDE]) {
  const vec a = m[1] + m[2], b = m[3] + m[4], c = A * (m[1] - m[2]), d = B * (m[3] - m[4]);
  y[0] = m[0] + a + b, y[1] = c + d, y[2] = 0.5f * a + 2.f * b, y[3] = 0.5f * c + 2.f * d + m[5];
}

// A y, the way back of to_outputs.
INLINE void from_outputs(const vec (&y)[SIDE], vec (&m)[SEEN]) {
  const vec even = y[0] + 0.5f * y[2], odd = A * (y[1] + 0.5f * y[3]), evens = y[0] + 2.f * y[2], odds = B * (y[1] + 2.f * y[3]);
  m[0] = y[0], m[1] = even + odd, m[2] = even - odd, m[3] = evens + odds, m[4] = evens - odds, m[5] = y[3];
}

// G w
INLINE void kernel_to_points(const vec (&w)[3], vec (&u)[SEEN]) {
  const vec even = (w[0] + 0.5f * w[2]) * (-2 / 3.f), odd = w[1] * (-2 / 3.f * A);
  const vec evens = (w[0] + 2.f * w[2]) * (1 / 6.f), odds = w[1] * (B / 6.f);
  u[0] = w[0], u[1] = even + odd, u[2] = even - odd, u[3] = evens + odds, u[4] = evens - odds, u[5] = w[2];
}

// G^T u
INLINE void kernel_from_points(const vec (&u)[SEEN], vec (&w)[3]) {
  const vec a = (u[1] + u[2]) * (-2 / 3.f), b = (u[3] + u[4]) * (1 / 6.f);
  w[0] = u[0] + a + b, w[1] = (u[1] - u[2]) * (-2 / 3.f * A) + (u[3] - u[4]) * (B / 6.f), w[2] = 0.5f * a + 2.f * b + u[5];
}

// One of the above along both axes of a square: get(row, column) of M x M gives put(row, column, vec) of N x N.
template <int M, int N, class Get, class Put>
INLINE void twice(void (&along)(const vec (&)[M], vec (&)[N]), Get&& get, Put&& put) {
  vec half[M][N], line[M], made[N];
  for (int i = 0; i < M; i++) {
    unrolled<M>(EACH(j) { line[j] = get(i, j); });
    along(line, half[i]);
  }
  for (int j = 0; j < N; j++) {
    unrolled<M>(EACH(i) { line[i] = half[i][j]; });
    along(line, made);
    unrolled<N>(EACH(i) { put(i, j, made[i]); });
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
      : batch(batch), rows(tiles_of(out_rows)), columns(tiles_of(out_columns)) {
    const int busy = 2 * threads, most = std::clamp(CACHED / (POINTS * channels), 24, 128);  // tasks at least; tiles of a task
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
inline Blocks seen_by(const Tiles& t, int channels) { return {nullptr, channels, SIDE * t.rows + 2, SIDE * t.columns + 2, WIDE}; }

// Of one image; `first` is its first tile.
inline void image_to_points(const Blocks& b, const Tiles& t, const Points& v, int first) {
  for (int k = 0; k < b.count(); k++) {
    const int width = b.width(k);
    for (int tile = 0; tile < t.each(); tile++)
      for (int j = 0; j < width; j += W) {
        const float* x = b.at(k, tile / t.columns * SIDE, tile % t.columns * SIDE) + j;
        float* to = v.at(0, first + tile) + k * WIDE + j;
        twice(to_points, [&](int i, int j) { return load(x + (i * b.columns + j) * width); },
              [&](int i, int j, vec p) { store(to + (i * SEEN + j) * v.step(), p); });
      }
  }
}

}  // namespace liuli
