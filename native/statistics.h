// What probes ask of arrays, each in one pass: sums in double, over stretches that are summed in float.
#pragma once
#include <array>
#include <vector>

#include "pool.h"
#include "vector.h"

namespace liuli {

constexpr int64_t STRETCH = 4096;  // floats that are summed in float
constexpr int64_t PIECE = 1 << 15;  // floats for which it is worth waking a thread

// Adds to `totals` the N vectors that f(i, count) gives for the elements i .. i + count - 1, count at most W.
template <int N, class F>
INLINE void add_up(int64_t begin, int64_t end, std::array<double, N>& totals, F&& f) {
  for (int64_t from = begin; from < end; from += STRETCH) {
    std::array<vec, N> sums{};
    auto add = [&](const std::array<vec, N>& each) __attribute__((always_inline)) {
      for (int k = 0; k < N; k++) sums[k] += each[k];
    };
    int64_t i = from, to = std::min(end, from + STRETCH);
    for (; i + W <= to; i += W) add(f(i, W));
    if (i < to) add(f(i, static_cast<int>(to - i)));
    for (int k = 0; k < N; k++) totals[k] += sum(sums[k]);
  }
}

template <class Pool>
int pieces_of(Pool& pool, int64_t n) {
  return static_cast<int>(std::min<int64_t>(4 * pool.num_threads(), n / PIECE + 1));
}

// x . x
template <class Pool>
void squares(Pool& pool, int64_t n, const float* x, float* found) {
  int pieces = pieces_of(pool, n);
  std::vector<std::array<double, 1>> parts(pieces);
  parallel_for(pool, pieces, [&](int piece) {
    add_up<1>(n * piece / pieces, n * (piece + 1) / pieces, parts[piece], [=](int64_t i, int count) {
      vec v = load(x + i, count);
      return std::array<vec, 1>{v * v};
    });
  });
  double total = 0;
  for (auto& part : parts) total += part[0];
  found[0] = static_cast<float>(total);
}

// One parameter: n weights, before and after an update, their gradient, and the gradient before it.
struct Parameter {
  int64_t n;
  float* w;
  const float *moved, *g;
  float* before;
};

// For each parameter w . w,  u . u with u = moved - w,  g . g,  g . before; then moved is w, and g is what was before.
template <class Pool>
void lengths(Pool& pool, const std::vector<Parameter>& parameters, float* found) {
  struct Piece {
    size_t parameter;
    int64_t begin, end;
    std::array<double, 4> totals{};
  };
  std::vector<Piece> pieces;
  for (size_t p = 0; p < parameters.size(); p++) {
    for (int64_t at = 0; at < parameters[p].n; at += PIECE) {
      pieces.push_back({p, at, std::min(parameters[p].n, at + PIECE)});
    }
  }
  auto work = [&](int k) {
    const Parameter& of = parameters[pieces[k].parameter];
    add_up<4>(pieces[k].begin, pieces[k].end, pieces[k].totals, [&](int64_t i, int count) {
      vec a = load(of.w + i, count), next = load(of.moved + i, count), u = next - a, b = load(of.g + i, count);
      vec product = b * load(of.before + i, count);
      store(of.w + i, next, count);
      store(of.before + i, b, count);
      return std::array<vec, 4>{a * a, u * u, b * b, product};
    });
  };
  parallel_for(pool, static_cast<int>(pieces.size()), work);
  std::vector<std::array<double, 4>> totals(parameters.size());
  for (auto& piece : pieces) {
    for (int k = 0; k < 4; k++) totals[piece.parameter][k] += piece.totals[k];
  }
  for (size_t p = 0; p < parameters.size(); p++) {
    for (int k = 0; k < 4; k++) found[4 * p + k] = static_cast<float>(totals[p][k]);
  }
}

// Of x (rows, units): mean, variance, the shares of zeros and of elements at low and below or at high and above; and
// for each unit 1 where it is not 0 in some row.
template <class Pool>
void summary(Pool& pool, int64_t rows, int units, const float* x, float low, float high, float* facts, float* active) {
  int pieces = static_cast<int>(std::min<int64_t>(pieces_of(pool, rows * units), rows));
  const vec centre = all(x[0]), one = all(1.f);
  std::vector<std::array<double, 4>> parts(pieces);
  std::vector<float> seen(static_cast<size_t>(pieces) * units);
  parallel_for(pool, pieces, [&](int piece) {
    float* mine = seen.data() + static_cast<size_t>(piece) * units;
    for (int64_t row = rows * piece / pieces, end = rows * (piece + 1) / pieces; row < end; row++) {
      const float* at = x + row * units;
      add_up<4>(0, units, parts[piece], [=](int64_t i, int count) __attribute__((always_inline)) {
        vec v = load(at + i, count), d = v - centre;
        vec none = where(v == vec{}, one, vec{}), out = where((v <= all(low)) | (v >= all(high)), one, vec{});
        store(mine + i, where(v == vec{}, load(mine + i, count), one), count);
        if (count == W) return std::array<vec, 4>{d, d * d, none, out};
        vec in = where(first(count), one, vec{});
        return std::array<vec, 4>{d * in, d * d * in, none * in, out * in};
      });
    }
  });
  std::array<double, 4> totals{};
  for (auto& part : parts) {
    for (int k = 0; k < 4; k++) totals[k] += part[k];
  }
  double n = static_cast<double>(rows) * units, shift = totals[0] / n;
  facts[0] = static_cast<float>(x[0] + shift);
  facts[1] = static_cast<float>(totals[1] / n - shift * shift);
  facts[2] = static_cast<float>(totals[2] / n);
  facts[3] = static_cast<float>(totals[3] / n);
  for (int j = 0; j < units; j++) {
    active[j] = 0;
    for (int piece = 0; piece < pieces; piece++) {
      active[j] = std::max(active[j], seen[static_cast<size_t>(piece) * units + j]);
    }
  }
}

}  // namespace liuli
