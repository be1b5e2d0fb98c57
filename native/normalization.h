// Layer normalization of rows, forward and backward: y = gamma xhat + beta, xhat = (x - mean) / sqrt(variance + epsilon).
#pragma once
#include "pool.h"
#include "tile.h"

namespace liuli {

// What a call is given and where its results go. x, y: (rows, n)   gamma, beta: (n,)
struct NormalizationForward {
  const float *x, *gamma, *beta;
  float epsilon;
  float *y, *mean, *part;  // mean and part = 1 / sqrt(variance + epsilon): (rows,)
};
struct NormalizationBackward {
  const float *x, *gamma, *mean, *part, *dy;
  float *dx, *dgamma, *dbeta, *depsilon;
};

// f(j, count) for the vectors of a row; all but the last have 8.
template <class F>
INLINE void by_vectors(int n, F&& f) {
  int j = 0;
  for (; j + W <= n; j += W) f(j, W);
  if (j < n) f(j, n - j);
}

inline void forward_row(int n, const NormalizationForward& a, const float* x, float* y, float& mean, float& part) {
  vec total{}, squares{};
  by_vectors(n, [&](int j, int count) __attribute__((always_inline)) { total += load(x + j, count); });
  mean = sum(total) / static_cast<float>(n);
  by_vectors(n, [&](int j, int count) __attribute__((always_inline)) {
    vec centred = where(first(count), load(x + j, count) - mean, vec{});
    squares += centred * centred;
  });
  part = 1.f / std::sqrt(sum(squares) / static_cast<float>(n) + a.epsilon);
  by_vectors(n, [&](int j, int count) __attribute__((always_inline)) {
    vec xhat = (load(x + j, count) - mean) * part;
    store(y + j, xhat * load(a.gamma + j, count) + load(a.beta + j, count), count);
  });
}

// dx = (g - mean of g - xhat mean of (g xhat)) / sqrt(variance + epsilon), g = gamma dy; what the row gives to depsilon.
inline float backward_row(int n, const NormalizationBackward& a, size_t at, float mean, float part, float* dgamma, float* dbeta) {
  const float *x = a.x + at, *dy = a.dy + at;
  vec g_sum{}, along_sum{};
  by_vectors(n, [&](int j, int count) __attribute__((always_inline)) {
    vec d = load(dy + j, count), xhat = (load(x + j, count) - mean) * part, g = d * load(a.gamma + j, count);
    g_sum += g, along_sum += g * xhat;
    store(dgamma + j, load(dgamma + j) + d * xhat);
    store(dbeta + j, load(dbeta + j) + d);
  });
  float along = sum(along_sum), g_mean = sum(g_sum) / static_cast<float>(n), along_mean = along / static_cast<float>(n);
  by_vectors(n, [&](int j, int count) __attribute__((always_inline)) {
    vec xhat = (load(x + j, count) - mean) * part, g = load(dy + j, count) * load(a.gamma + j, count);
    store(a.dx + at + j, part * (g - g_mean - xhat * along_mean), count);
  });
  return -0.5f * part * part * along;
}

INLINE int pieces_of(int rows, int threads) { return std::clamp(rows / 16, 1, 4 * threads); }

template <class Pool>
void normalization_forward(Pool& pool, int rows, int n, const NormalizationForward& a) {
  int pieces = pieces_of(rows, static_cast<int>(pool.num_threads()));
  parallel_for(pool, pieces, [&](int piece) {
    Part part(rows, piece, pieces);
    for (int i = part.begin; i < part.end; i++) {
      size_t at = static_cast<size_t>(i) * n;
      forward_row(n, a, a.x + at, a.y + at, a.mean[i], a.part[i]);
    }
  });
}

template <class Pool>
void normalization_backward(Pool& pool, int rows, int n, const NormalizationBackward& a) {
  const int pieces = pieces_of(rows, static_cast<int>(pool.num_threads()));
  const size_t wide = static_cast<size_t>(panels(n)) * PANEL, own = 2 * wide + PANEL;
  float* partial = scratch<Use::partial>(own * pieces);  // of each piece dgamma, dbeta, depsilon
  std::memset(partial, 0, sizeof(float) * own * pieces);
  parallel_for(pool, pieces, [&](int piece) {
    float *dgamma = partial + piece * own, *dbeta = dgamma + wide, *depsilon = dbeta + wide;
    Part part(rows, piece, pieces);
    for (int i = part.begin; i < part.end; i++)
      *depsilon += backward_row(n, a, static_cast<size_t>(i) * n, a.mean[i], a.part[i], dgamma, dbeta);
  });
  auto total = [&](size_t at) {
    vec all{};
    for (int piece = 0; piece < pieces; piece++) all += load(partial + piece * own + at);
    return all;
  };
  by_vectors(n, [&](int j, int count) { store(a.dgamma + j, total(j), count), store(a.dbeta + j, total(wide + j), count); });
  *a.depsilon = total(2 * wide)[0];
}

}  // namespace liuli
