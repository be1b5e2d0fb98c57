// C = A B of large matrices, either of which may be given turned: the three products of a layer and of its gradients.
//
// Each task owns a rectangle of C and packs what it needs of B, so that tasks never wait for each other; in blocks of K that keep a
// panel of B in the first cache. A is read as it lies where its rows are contiguous, else its tiles are kept as they are first read.
// (Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008)
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
  static constexpr int DEPTH = 320, HEIGHT = 32 * ROWS;  // of a block, at most, and of about half as many rows more
  static constexpr int64_t SHARED = 1 << 18;  // multiplications: from here on they are worth a second thread
  int m, n, k;
  int64_t work() const { return static_cast<int64_t>(m) * n * k; }
  int depth() const {
    const int blocks = (k + DEPTH - 1) / DEPTH;
    return std::min(k, ((k + blocks - 1) / blocks + W - 1) / W * W);
  }
};

// What is made besides C = A B: in its place max(least, A B + bias) where there is a bias, and the sums of B's columns if wanted.
struct Besides {
  const float* bias = nullptr;  // (n,)
  float least = -std::numeric_limits<float>::infinity();
  float* sums = nullptr;  // (n,)
  Besides from(int j) const { return {bias ? bias + j : nullptr, least, sums}; }
};

// A rectangle of C: rows top .. top + rows - 1, columns left .. left + columns - 1.
struct Rectangle {
  int top, rows, left, columns;
  int blocks() const { return std::max(1, (rows + Product::HEIGHT / 2) / Product::HEIGHT); }
};

// c[i] += sum over k of a[i + k * col] * panel[k], and the part of A that was read is kept as a tile.
template <int M>
INLINE void multiply_keeping(int K, const float* a, ptrdiff_t col, const float* panel, float* tile, vec (&c)[M][2]) {
  for (int k = 0; k < K; k++, a += col, panel += PANEL, tile += M) {
    vec line[2] = {load(panel), load(panel + W)};
    __builtin_prefetch(a + 2 * ROWS);
    std::memcpy(tile, a, sizeof(float) * M);
    unrolled<M>(EACH(i) {
      vec x = all(a[i]);
      c[i][0] += x * line[0];
      c[i][1] += x * line[1];
    });
  }
}

INLINE vec at_least(vec x, float low) { return x < all(low) ? all(low) : x; }

// A tile of C from one block of K, added to what is there unless it is the first; with the bias of `last` after the last one.
// No part of its caller: sums stay in registers then.
template <int M, bool keeping>
__attribute__((noinline)) void multiply_tile(int depth, Matrix a, const float* panel, float* tile, bool fresh, const Besides& last,
                                             float* c, ptrdiff_t n, int columns) {
  vec sums[M][2];
  clear(sums);
  unrolled<M>(EACH(i) { __builtin_prefetch(c + i * n, 1), __builtin_prefetch(c + i * n + PANEL - 1, 1); });
  if constexpr (keeping) multiply_keeping<M>(depth, a.data, a.col, panel, tile, sums);
  else multiply<M, 2>(depth, a.data, a.row, a.col, panel, PANEL, sums);
  unrolled<M>(EACH(i) {
    float* to = c + i * n;
    if (!fresh) sums[i][0] += load(to, columns), sums[i][1] += load(to + W, columns - W);
    if (last.bias) {
      sums[i][0] = at_least(sums[i][0] + load(last.bias, columns), last.least);
      sums[i][1] = at_least(sums[i][1] + load(last.bias + W, columns - W), last.least);
    }
    store_row(to, sums[i][0], sums[i][1], columns);
  });
}

// Panels of B, one after the other: row by row where rows are contiguous.
inline void pack_panels(float* to, Matrix b, int depth, int columns) {
  const size_t size = static_cast<size_t>(PANEL) * depth;
  const int whole = b.col == 1 ? columns / PANEL : 0;
  for (int k = 0; k < depth; k++)
    for (int p = 0; p < whole; p++) {
      const float* from = b.data + k * b.row + p * PANEL;
      float* line = to + p * size + k * PANEL;
      store(line, load(from)), store(line + W, load(from + W));
    }
  for (int p = whole; p < panels(columns); p++)
    pack(to + p * size, b.from(0, p * PANEL).data, b.row, b.col, depth, std::min(PANEL, columns - p * PANEL));
}

// sums[j] += the sum of column j of packed panels
inline void add_columns(float* sums, const float* packed, int depth, int columns) {
  for (int j = 0; j < columns; j += PANEL) {
    vec total[2] = {};
    for (int k = 0; k < depth; k++, packed += PANEL) total[0] += load(packed), total[1] += load(packed + W);
    const int left = columns - j;
    store_row(sums + j, load(sums + j, left) + total[0], load(sums + j + W, left - W) + total[1], left);
  }
}

// Some rows of a rectangle of C, from one block of K.   a, c: of its first row   tiles: room for those rows of a turned A
inline void multiply_block(int depth, int rows, int columns, Matrix a, const float* packed, float* tiles, bool fresh,
                           const Besides& last, float* c, ptrdiff_t n) {
  for (int j = 0; j < columns; j += PANEL) {
    const float* panel = packed + static_cast<ptrdiff_t>(j) * depth;
    const Besides end = last.from(j);
    by_tiles(rows, [&](auto M, int i) __attribute__((always_inline)) {
      float *tile = tiles + static_cast<ptrdiff_t>(i) * depth, *to = c + i * n + j;
      const int left = std::min(PANEL, columns - j);
      if (a.col == 1) multiply_tile<M, false>(depth, a.from(i, 0), panel, nullptr, fresh, end, to, n, left);
      else if (j == 0) multiply_tile<M, true>(depth, a.from(i, 0), panel, tile, fresh, end, to, n, left);
      else multiply_tile<M, false>(depth, {tile, 1, M}, panel, nullptr, fresh, end, to, n, left);
    });
  }
}

// B is packed with the first block of rows, and stays packed where there are more of them.
inline void multiply_rectangle(const Product& s, const Rectangle& r, Matrix a, Matrix b, const Besides& besides, float* c) {
  const int most = s.depth(), blocks = r.blocks(), tiles = (r.rows + ROWS - 1) / ROWS;
  const size_t wide = static_cast<size_t>(panels(r.columns)) * PANEL;
  float* packed = scratch<Use::packed>(wide * (blocks > 1 ? s.k : most));
  float* kept = scratch<Use::packed_too>(static_cast<size_t>((tiles + blocks - 1) / blocks) * ROWS * most);
  for (int block = 0; block < blocks; block++) {
    Part part(tiles, block, blocks);
    const int first = part.begin * ROWS, rows = std::min(r.rows, part.end * ROWS) - first;
    for (int k = 0; k < s.k; k += most) {
      const int depth = std::min(most, s.k - k);
      const bool ends = k + depth == s.k;
      float* mine = packed + (blocks > 1 ? k * wide : 0);
      if (block == 0) pack_panels(mine, b.from(k, r.left), depth, r.columns);
      if (block == 0 && r.top == 0 && besides.sums) add_columns(besides.sums + r.left, mine, depth, r.columns);
      multiply_block(depth, rows, r.columns, a.from(r.top + first, k), mine, kept, k == 0, ends ? besides.from(r.left) : Besides{},
                     c + static_cast<ptrdiff_t>(r.top + first) * s.n + r.left, s.n);
    }
  }
}

// Pieces of m among those of C, as square as can be.
inline int pieces_down(const Product& s, int pieces) {
  int down = 1;
  for (int d = 2; d <= pieces; d++)
    if (pieces % d == 0 && static_cast<int64_t>(d) * d * s.n <= static_cast<int64_t>(pieces) * s.m) down = d;
  return down;
}

// c: (m, n)
template <class Pool>
void product(Pool& pool, const Product& s, Matrix a, Matrix b, float* c, const Besides& besides = {}) {
  const int threads = static_cast<int>(pool.num_threads()), pieces = threads > 1 && s.work() >= Product::SHARED ? 2 * threads : 1;
  const int most = pieces_down(s, pieces), down = std::min(s.m, most), across = std::min(panels(s.n), pieces / most);
  if (besides.sums) std::fill_n(besides.sums, s.n, 0.f);
  parallel_for(pool, down * across, [&](int task) {
    Part rows(s.m, task / across, down), columns(panels(s.n), task % across, across);
    const int left = columns.begin * PANEL, right = std::min(s.n, columns.end * PANEL);
    multiply_rectangle(s, {rows.begin, rows.end - rows.begin, left, right - left}, a, b, besides, c);
  });
}

}  // namespace liuli
