// Batch normalization along the last axis, forward and backward, with what comes after it in the same pass:
// y = gamma xhat + beta + r, then relu; xhat = (x - mean) / sqrt(variance + epsilon), both over all rows.
//
// Rows are read as lines of lcm(n, 16) floats, so that vectors are full whatever n is.
#pragma once
#include <array>
#include <numeric>
#include <vector>

#include "pool.h"
#include "tile.h"

namespace liuli {

// What a call is given and where its results go. x, r, y: (rows, n)   the others: (n,)
struct BatchForward {
  const float *x, *gamma, *beta;
  float epsilon;
  const float* r;  // or null
  bool relu;
  float *y, *mean, *variance;
};
struct BatchBackward {
  const float *x, *gamma, *mean, *variance;
  float epsilon;
  const float* y;  // or null, where no relu came after
  const float *dy, *dmean, *dvariance;
  float *dx, *dgamma, *dbeta;
  float* dr;  // or null
};

// (rows, n) as lines of `wide` floats, the last as long as it is; a stretch of them stays in the cache.
struct Lines {
  int64_t floats;
  int n, wide;
  Lines(int64_t rows, int n) : floats(rows * n), n(n), wide(std::lcm(n, PANEL)) {}
  int64_t rows() const { return floats / n; }
  int64_t count() const { return (floats + wide - 1) / wide; }
  int64_t stretch() const { return std::max(16, 4096 / wide); }
  int pieces(int threads) const {
    return static_cast<int>(std::min<int64_t>({count(), floats / (1 << 13) + 1, static_cast<int64_t>(4) * threads}));
  }
  // f(column, place of its first float, lines, floats that count at each place) for the panels of lines begin .. end - 1
  template <class F>
  INLINE void panels(int64_t begin, int64_t end, F&& f) const {
    const int64_t whole = std::max(begin, std::min(end, floats / wide));
    for (int j = 0; j < wide && begin < whole; j += PANEL) f(j, begin * wide + j, whole - begin, std::integral_constant<int, PANEL>());
    for (int64_t j = 0, rest = whole < end ? floats - whole * wide : 0; j < rest; j += PANEL)
      f(static_cast<int>(j), whole * wide + j, int64_t{1}, static_cast<int>(std::min<int64_t>(PANEL, rest - j)));
  }
};

// A value for each feature, repeated along a line.
struct Repeated {
  std::vector<float> values;
  template <class F>
  Repeated(const Lines& l, F&& of) : values(l.wide) {
    for (int j = 0; j < l.wide; j++) values[j] = j < l.n ? static_cast<float>(of(j)) : values[j - l.n];
  }
  vec operator()(int j) const { return load(values.data() + j); }
};

// f(column, place, lines, floats that count) for all panels, a stretch after the other, in parallel pieces.
template <class Pool, class F>
void by_stretches(Pool& pool, const Lines& l, F&& f) {
  const int pieces = l.pieces(static_cast<int>(pool.num_threads()));
  parallel_for(pool, pieces, [&](int piece) {
    const int64_t end = l.count() * (piece + 1) / pieces;
    for (int64_t at = l.count() * piece / pieces; at < end; at += l.stretch())
      l.panels(at, std::min(end, at + l.stretch()),
               [&](int j, int64_t place, int64_t lines, auto count) __attribute__((always_inline)) { f(piece, j, place, lines, count); });
  });
}

// Two sums of each feature over all rows: (2, n); in double, over stretches that are summed in float.
// term(column) gives g(place, floats that count), the vectors that go into both.
template <class Pool, class Term>
std::vector<double> two_sums(Pool& pool, const Lines& l, Term&& term) {
  const size_t wide = l.wide, pieces = l.pieces(static_cast<int>(pool.num_threads()));
  std::vector<double> parts(2 * wide * pieces), totals(2 * static_cast<size_t>(l.n));
  by_stretches(pool, l, [&](int piece, int j, int64_t place, int64_t lines, auto count) __attribute__((always_inline)) {
    auto low = term(j), high = term(j + W);
    vec sums[2][2]{};
    for (int64_t i = 0; i < lines; i++, place += l.wide) {
      std::array<vec, 2> a = low(place, count), b = high(place + W, count - W);
      sums[0][0] += a[0], sums[1][0] += a[1], sums[0][1] += b[0], sums[1][1] += b[1];
    }
    for (int which = 0; which < 2; which++) {
      double* to = parts.data() + (2 * piece + which) * wide + j;
      for (int k = 0; k < W; k++) to[k] += sums[which][0][k], to[W + k] += sums[which][1][k];
    }
  });
  for (size_t row = 0; row < 2 * pieces; row++)
    for (size_t j = 0; j < wide; j++) totals[row % 2 * l.n + j % l.n] += parts[row * wide + j];
  return totals;
}

// About the mean of each feature, so that squares of what differs from it lose no digits.
inline double near_mean(const Lines& l, const float* x, int j) {
  const int64_t some = std::min<int64_t>(32, l.rows());
  double total = 0;
  for (int64_t i = 0; i < some; i++) total += x[l.rows() * i / some * l.n + j];
  return total / static_cast<double>(some);
}

template <class Pool>
void batch_statistics(Pool& pool, const Lines& l, const float* x, float* mean, float* variance) {
  Repeated centre(l, [&](int j) { return near_mean(l, x, j); });
  auto totals = two_sums(pool, l, [&](int j) __attribute__((always_inline)) {
    return [x, c = centre(j)](int64_t place, auto count) __attribute__((always_inline)) {
      vec d = load(x + place, count) - c;
      if (count < W) d = where(first(count), d, vec{});
      return std::array<vec, 2>{d, d * d};
    };
  });
  for (int j = 0; j < l.n; j++) {
    double shift = totals[j] / static_cast<double>(l.rows());
    double squares = totals[l.n + j] / static_cast<double>(l.rows()) - shift * shift;
    mean[j] = static_cast<float>(centre.values[j] + shift);
    variance[j] = squares < 0 ? 0.f : static_cast<float>(squares);
  }
}

// sink(place, count) with the coefficients of its column, for all places.
template <class Pool, class Sink>
void everywhere(Pool& pool, const Lines& l, Sink&& sink) {
  by_stretches(pool, l, [&](int, int j, int64_t place, int64_t lines, auto count) __attribute__((always_inline)) {
    auto low = sink(j), high = sink(j + W);
    for (int64_t i = 0; i < lines; i++, place += l.wide) low(place, count), high(place + W, count - W);
  });
}

template <class Pool>
void batch_normalization_forward(Pool& pool, int64_t rows, int n, const BatchForward& a) {
  Lines l(rows, n);
  batch_statistics(pool, l, a.x, a.mean, a.variance);
  Repeated mean(l, [&](int j) { return a.mean[j]; }), beta(l, [&](int j) { return a.beta[j]; });
  Repeated scale(l, [&](int j) { return a.gamma[j] / std::sqrt(a.variance[j] + a.epsilon); });
  auto made = [&](auto finish) {
    everywhere(pool, l, [&](int j) __attribute__((always_inline)) {
      return [&a, finish, m = mean(j), s = scale(j), b = beta(j)](int64_t place, auto count) __attribute__((always_inline)) {
        store(a.y + place, finish((load(a.x + place, count) - m) * s + b, place, count), count);
      };
    });
  };
  auto added = [&](vec v, int64_t place, auto count) __attribute__((always_inline)) { return v + load(a.r + place, count); };
  if (a.r && a.relu) made([=](vec v, int64_t place, auto count) __attribute__((always_inline)) { return relu(added(v, place, count)); });
  else if (a.r) made(added);
  else if (a.relu) made([](vec v, int64_t, auto) __attribute__((always_inline)) { return relu(v); });
  else made([](vec v, int64_t, auto) __attribute__((always_inline)) { return v; });
}

// dx = gamma part (g - mean of g - xhat mean of (g xhat)), part = 1 / sqrt(variance + epsilon), and what mean and variance got;
// g is dy where y is positive.
template <class Pool, class G>
void batch_normalization_backward(Pool& pool, const Lines& l, const BatchBackward& a, G&& gradient) {
  auto part = [&](int j) { return 1.f / std::sqrt(a.variance[j] + a.epsilon); };
  Repeated mean(l, [&](int j) { return a.mean[j]; });
  auto totals = two_sums(pool, l, [&](int j) __attribute__((always_inline)) {
    return [&a, gradient, m = mean(j)](int64_t place, auto count) __attribute__((always_inline)) {
      vec g = gradient(place, count), d = load(a.x + place, count) - m;
      if (count < W) d = where(first(count), d, vec{});
      return std::array<vec, 2>{g, g * d};
    };
  });
  for (int j = 0; j < l.n; j++) {
    a.dbeta[j] = static_cast<float>(totals[j]);
    a.dgamma[j] = static_cast<float>(totals[l.n + j] * part(j));
  }
  const float share = 1.f / static_cast<float>(l.rows());
  Repeated scale(l, [&](int j) { return a.gamma[j] * part(j); });
  Repeated along(l, [&](int j) { return share * (2.f * a.dvariance[j] - scale.values[j] * part(j) * a.dgamma[j]); });
  Repeated level(l, [&](int j) { return share * (a.dmean[j] - scale.values[j] * a.dbeta[j]); });
  everywhere(pool, l, [&](int j) __attribute__((always_inline)) {
    return [&a, gradient, m = mean(j), s = scale(j), d = along(j), t = level(j)](int64_t place, auto count)
               __attribute__((always_inline)) {
      vec g = gradient(place, count);
      store(a.dx + place, g * s + ((load(a.x + place, count) - m) * d + t), count);
      if (a.dr) store(a.dr + place, g, count);
    };
  });
}

template <class Pool>
void batch_normalization_backward(Pool& pool, int64_t rows, int n, const BatchBackward& a) {
  Lines l(rows, n);
  auto whole = [&a](int64_t place, auto count) __attribute__((always_inline)) { return load(a.dy + place, count); };
  auto kept = [&a](int64_t place, auto count) __attribute__((always_inline)) {
    return load(a.y + place, count) > vec{} ? load(a.dy + place, count) : vec{};
  };
  if (a.y) batch_normalization_backward(pool, l, a, kept);
  else batch_normalization_backward(pool, l, a, whole);
}

}  // namespace liuli
