// The product that all kernels rest on: a tile of C += A B that stays in registers.
#pragma once
#include <type_traits>
#include <utility>

#include "vector.h"

namespace liuli {

constexpr int ROWS = 6;         // of a full tile: 6 x 2 vectors leave registers for a and b
constexpr int PANEL = 2 * W;    // columns of a tile, and of a packed panel
typedef vec Tile[ROWS][2];

INLINE int panels(int n) { return (n + PANEL - 1) / PANEL; }

// f(integral_constant<0>) ... f(integral_constant<N - 1>), unrolled: accumulators then stay in registers.
template <class F, int... I>
INLINE void unrolled_(F&& f, std::integer_sequence<int, I...>) {
  (f(std::integral_constant<int, I>()), ...);
}
template <int N, class F>
INLINE void unrolled(F&& f) {
  unrolled_(f, std::make_integer_sequence<int, N>());
}
#define EACH(i) [&](auto i) __attribute__((always_inline))

template <int M, int V>
INLINE void clear(vec (&c)[M][V]) {
  unrolled<M>(EACH(i) { unrolled<V>(EACH(j) { c[i][j] = vec{}; }); });
}

// multiply of one row: its sum in four parts, which do not wait for each other.
template <int V>
INLINE void multiply_row(int K, const float* a, ptrdiff_t col, const float* b, ptrdiff_t step, vec (&c)[V]) {
  constexpr int PARTS = 4;
  vec parts[PARTS][V];
  clear(parts);
  int k = 0;
  for (; k + PARTS <= K; k += PARTS, a += PARTS * col, b += PARTS * step)
    unrolled<PARTS>(EACH(p) {
      vec x = all(a[p * col]);
      unrolled<V>(EACH(j) { parts[p][j] += x * load(b + p * step + W * j); });
    });
  for (; k < K; k++, a += col, b += step) unrolled<V>(EACH(j) { parts[0][j] += all(*a) * load(b + W * j); });
  unrolled<V>(EACH(j) { c[j] += (parts[0][j] + parts[1][j]) + (parts[2][j] + parts[3][j]); });
}

// c[i] += sum over k of a[i * row + k * col] * b[k * step .. + 8 V]
template <int M, int V>
INLINE void multiply(int K, const float* a, ptrdiff_t row, ptrdiff_t col, const float* b, ptrdiff_t step, vec (&c)[M][V]) {
  if constexpr (M == 1) return multiply_row<V>(K, a, col, b, step, c[0]);
  const float* lower = a + 3 * row;  // so that every address is a base and a short multiple
  for (int k = 0; k < K; k++, a += col, lower += col, b += step) {
    vec line[V];
    unrolled<V>(EACH(j) { line[j] = load(b + W * j); });
    unrolled<M>(EACH(i) {
      vec x = all(i < 3 ? a[i * row] : lower[(i - 3) * row]);
      unrolled<V>(EACH(j) { c[i][j] += x * line[j]; });
    });
  }
}

// f(integral_constant<rows>, first row) over m rows, in tiles of 6, the last ones smaller and no smaller than they must.
template <class F>
INLINE void by_tiles(int m, F&& f) {
  auto run = [&](auto rows, int at) __attribute__((always_inline)) { f(rows, at); };
  int at = 0;
  for (; m - at >= 6 && m - at != 7 && m - at != 8; at += 6) run(std::integral_constant<int, 6>(), at);
  switch (m - at) {
    case 8: run(std::integral_constant<int, 4>(), at); at += 4; [[fallthrough]];
    case 4: run(std::integral_constant<int, 4>(), at); break;
    case 7: run(std::integral_constant<int, 4>(), at); at += 4; [[fallthrough]];
    case 3: run(std::integral_constant<int, 3>(), at); break;
    case 5: run(std::integral_constant<int, 5>(), at); break;
    case 2: run(std::integral_constant<int, 2>(), at); break;
    case 1: run(std::integral_constant<int, 1>(), at); break;
  }
}

// Rows of 8 become columns: r[i][j] <- r[j][i]
INLINE void transpose(vec (&r)[W]) {
  vec t[W], s[W];
  for (int i = 0; i < W; i += 2) {
    t[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    t[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < W; i += 4) {
    s[i] = __builtin_shufflevector(t[i], t[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
    s[i + 1] = __builtin_shufflevector(t[i], t[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    s[i + 2] = __builtin_shufflevector(t[i + 1], t[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
    s[i + 3] = __builtin_shufflevector(t[i + 1], t[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (int i = 0; i < 4; i++) {
    r[i] = __builtin_shufflevector(s[i], s[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    r[i + 4] = __builtin_shufflevector(s[i], s[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

// One panel: n <= 16 columns of B, element (k, j) at b[k * row + j * col], to[k][16], the columns beyond n 0.
INLINE void pack(float* to, const float* b, ptrdiff_t row, ptrdiff_t col, int K, int n) {
  int k = 0;
  if (col == 1) {
    for (; k < K; k++, to += PANEL, b += row) {
      store(to, load(b, n));
      store(to + W, load(b + W, n - W));
    }
  } else if (row == 1 && n == PANEL) {
    for (; k + W <= K; k += W)
      for (int half = 0; half < PANEL; half += W) {
        vec r[W];
        for (int j = 0; j < W; j++) r[j] = load(b + (half + j) * col + k);
        transpose(r);
        for (int i = 0; i < W; i++) store(to + (k + i) * PANEL + half, r[i]);
      }
  }
  for (; k < K; k++)
    for (int j = 0; j < PANEL; j++) to[k * PANEL + j] = j < n ? b[k * row + j * col] : 0.f;
}

// The first n <= 16 floats of a row of a tile, to memory.
INLINE void store_row(float* to, vec low, vec high, int n) {
  store(to, low, n);
  store(to + W, high, n - W);
}

}  // namespace liuli
