// C = A B of large matrices, either of which may be given turned: the three products of a layer and of its gradients.
//
// In blocks of K that keep a packed panel of B in the first cache; A is read as it lies where its rows are contiguous, else
// packed too, in rows of tiles.
#pragma once
#include "pool.h"
#include "tile.h"

namespace liuli {

// Element (i, j) stands at data[i * row + j * col]; one of both is 1.
struct Matrix {
  const float* data;
  ptrdiff_t row, col;
  Matrix from(ptrdiff_t i, ptrdiff_t j) const { return {data + i * row + j * col, row, col}; }
};

struct Product {
  static constexpr int DEPTH = 256, HEIGHT = 16 * ROWS;  // of a block
  int m, n, k;
  int tiles() const { return (m + ROWS - 1) / ROWS; }
};

// f(integral_constant<rows>, first row) over m rows: tiles of 6, and what is left.
template <class F>
INLINE void by_sixes(int m, F&& f) {
  int at = 0;
  for (; m - at >= ROWS; at += ROWS) f(std::integral_constant<int, ROWS>(), at);
  unrolled<ROWS>(EACH(left) {
    if constexpr (left > 0) if (m - at == left) f(std::integral_constant<int, left>(), at);
  });
}

// Columns of A, which are contiguous, as rows of tiles: element (i, k) at to[(i / 6) * 6 * depth + k * 6 + i % 6].
inline void pack_tiles(float* to, Matrix a, int first, int end, int depth) {
  for (int i = first; i < end; i += ROWS) {
    const int rows = std::min(ROWS, end - i);
    float* tile = to + static_cast<size_t>(i) * depth;
    for (int k = 0; k < depth; k++)
      for (int r = 0; r < rows; r++) tile[k * ROWS + r] = a.data[k * a.col + i + r];
  }
}

// Rows first .. end - 1 of C, columns of panels p0 .. p1 - 1, from one block of K; added to C unless it is the first.
inline void multiply_block(const Product& s, Matrix a, const float* tiles, const float* packed, int depth, bool fresh, int first,
                           int end, int p0, int p1, float* c) {
  for (int p = p0; p < p1; p++) {
    const float* panel = packed + static_cast<size_t>(p) * PANEL * depth;
    const int columns = std::min(PANEL, s.n - p * PANEL);
    by_sixes(end - first, [&](auto rows, int at) __attribute__((always_inline)) {
      vec sums[rows][2];
      float* to = c + static_cast<ptrdiff_t>(first + at) * s.n + p * PANEL;
      if (fresh) clear(sums);
      else unrolled<rows>(EACH(i) { sums[i][0] = load(to + i * s.n, columns), sums[i][1] = load(to + i * s.n + W, columns - W); });
      if (tiles) multiply<rows, 2>(depth, tiles + static_cast<size_t>(first + at) * depth, 1, ROWS, panel, PANEL, sums);
      else multiply<rows, 2>(depth, a.data + (first + at) * a.row, a.row, 1, panel, PANEL, sums);
      unrolled<rows>(EACH(i) { store_row(to + i * s.n, sums[i][0], sums[i][1], columns); });
    });
  }
}

// c: (m, n)
template <class Pool>
void product(Pool& pool, const Product& s, Matrix a, Matrix b, float* c) {
  const int wide = panels(s.n), threads = static_cast<int>(pool.num_threads()), most = std::min(s.k, Product::DEPTH);
  const bool turned = a.col != 1;
  float* packed = scratch<Use::packed>(static_cast<size_t>(wide) * PANEL * most);
  float* tiles = turned ? scratch<Use::packed_too>(static_cast<size_t>(s.tiles()) * ROWS * most) : nullptr;
  const int rows = std::min(Product::HEIGHT, (s.tiles() + 2 * threads - 1) / (2 * threads) * ROWS), blocks = (s.m + rows - 1) / rows;
  const int sides = std::min(wide, std::max(1, 4 * threads / blocks));
  for (int k0 = 0; k0 < s.k; k0 += most) {
    const int depth = std::min(most, s.k - k0), parts = 4 * threads;
    parallel_for(pool, parts, [&](int i) {
      Part across(wide, i, parts), down(s.tiles(), i, parts);
      for (int p = across.begin; p < across.end; p++) {
        Matrix from = b.from(k0, p * PANEL);
        pack(packed + static_cast<size_t>(p) * PANEL * depth, from.data, from.row, from.col, depth, std::min(PANEL, s.n - p * PANEL));
      }
      if (turned) pack_tiles(tiles, a.from(0, k0), down.begin * ROWS, std::min(s.m, down.end * ROWS), depth);
    });
    parallel_for(pool, blocks * sides, [&](int task) {
      const int first = task / sides * rows;
      Part across(wide, task % sides, sides);
      multiply_block(s, a.from(0, k0), tiles, packed, depth, k0 == 0, first, std::min(s.m, first + rows), across.begin, across.end, c);
    });
  }
}

}  // namespace liuli
