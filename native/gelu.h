// y = x P(x), P(x) = (1 + erf(x / sqrt 2)) / 2, and its slope P(x) + x p(x), p(x) = e^(-x^2 / 2) / sqrt(2 pi).
//
// The tail Q = 1 - P(|x|) is e^(-x^2 / 2) q(t) / 2, t = 1 / (1 + 0.3275911 |x| / sqrt 2) (Abramowitz and Stegun, 7.1.26;
// error 8e-8), so that one exponential serves all.
#pragma once
#include "pool.h"
#include "vector.h"

namespace liuli {

INLINE void gelu(vec x, vec& y, vec& slope) {
  vec size = x < vec{} ? -x : x, half = exp(-0.5f * x * x), t = 1.f / (1.f + 0.231641888f * size);
  vec q = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  vec tail = 0.5f * q * half, p = x < vec{} ? tail : 1.f - tail;
  ivec ends = size > all(13.f);  // where p is 0 or 1, and infinity times 0 must not be
  y = where(ends, relu(x), x * p);
  slope = where(ends, p, p + x * half * 0.398942280f);
}

// slope may be null.
template <class Pool>
void gelu_forward(Pool& pool, size_t n, const float* x, float* y, float* slope) {
  constexpr size_t PIECE = 4096;
  parallel_for(pool, static_cast<int>((n + PIECE - 1) / PIECE), [&](int piece) {
    for (size_t i = piece * PIECE, end = std::min(n, i + PIECE); i < end; i += W) {
      vec value, slopes;
      int count = static_cast<int>(std::min<size_t>(W, end - i));
      gelu(load(x + i, count), value, slopes);
      store(y + i, value, count);
      if (slope) store(slope + i, slopes, count);
    }
  });
}

}  // namespace liuli
