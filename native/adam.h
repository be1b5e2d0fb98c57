// A step of Adam in one pass: each of g, w, m and v is read once.
#pragma once
#include <cmath>

#include "pool.h"

namespace liuli {

struct Rates {
  float keep_mean, take_mean, keep_square, take_square;  // b1, 1 - b1, b2, 1 - b2
  float mean_scale, square_scale;                        // 1 / (1 - b1^t), 1 / (1 - b2^t)
  float epsilon, decay, rate;
};

// m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,  w <- w - rate (mhat / (sqrt(vhat) + epsilon) + decay w), in their places.
template <class Pool>
void adam(Pool& pool, size_t n, const Rates& r, const float* g, float* w, float* m, float* v) {
  constexpr size_t PIECE = 1 << 15;
  parallel_for(pool, static_cast<int>((n + PIECE - 1) / PIECE), [=](int piece) {
    const size_t begin = piece * PIECE, count = std::min(PIECE, n - begin);
    const float* __restrict gradient = g + begin;
    float *__restrict weight = w + begin, *__restrict mean = m + begin, *__restrict square = v + begin;
    for (size_t i = 0; i < count; i++) {
      const float slope = gradient[i];
      mean[i] = r.keep_mean * mean[i] + r.take_mean * slope;
      square[i] = r.keep_square * square[i] + r.take_square * (slope * slope);
      const float step = mean[i] * r.mean_scale / (std::sqrt(square[i] * r.square_scale) + r.epsilon);
      weight[i] -= r.rate * (step + r.decay * weight[i]);
    }
  });
}

}  // namespace liuli
