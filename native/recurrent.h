// Recurrent layers over whole sequences: LSTM, GRU (reset after the product) and SimpleRNN, forward and backward.
//
// A task owns rows of the batch for all time steps, so that no step waits for another task. A row of `z` is [x_t, h_{t-1}],
// and one product with packed panels of [W; U] gives the gates of 16 units. What is saved for the way back lies step by step,
// so that a task writes and reads it in one sweep; the gradients of the gates take the place of the gates.
#pragma once
#include <array>

#include "pool.h"
#include "tile.h"

namespace liuli {

// Where a gate's columns stand in W and in U, in units; -1: it has none.
struct Gate {
  int x, h;
};

// Each cell says what its gates are, how its states follow from the gates before activation, and the way back:
// from what was saved, h before, and the gradients `d` of the new states to those of the old ones and of the gates.
struct Lstm {
  static constexpr std::array<Gate, 4> gates{{{0, 0}, {1, 1}, {2, 2}, {3, 3}}};  // i f g o
  static constexpr int states = 2, saved = 5;
  INLINE static void forward(const vec* z, vec* s, vec* keep) {
    vec i = sigmoid(z[0]), f = sigmoid(z[1]), g = tanh(z[2]), o = sigmoid(z[3]);
    keep[0] = i, keep[1] = f, keep[2] = g, keep[3] = o, keep[4] = s[1];
    s[1] = f * s[1] + i * g;
    s[0] = o * tanh(s[1]);
  }
  INLINE static void backward(const vec* keep, vec, vec* d, vec* dz) {
    vec i = keep[0], f = keep[1], g = keep[2], o = keep[3], before = keep[4];
    vec shown = tanh(f * before + i * g);
    vec dc = d[0] * o * (1.f - shown * shown) + d[1];
    dz[0] = dc * g * i * (1.f - i);
    dz[1] = dc * before * f * (1.f - f);
    dz[2] = dc * i * (1.f - g * g);
    dz[3] = d[0] * shown * o * (1.f - o);
    d[0] = vec{}, d[1] = dc * f;
  }
};

struct Gru {
  static constexpr std::array<Gate, 4> gates{{{0, 0}, {1, 1}, {2, -1}, {-1, 2}}};  // z r and the two parts of the candidate
  static constexpr int states = 1, saved = 4;
  INLINE static void forward(const vec* p, vec* s, vec* keep) {
    vec z = sigmoid(p[0]), r = sigmoid(p[1]), n = tanh(p[2] + r * p[3]);
    keep[0] = z, keep[1] = r, keep[2] = n, keep[3] = p[3];
    s[0] = z * s[0] + (1.f - z) * n;
  }
  INLINE static void backward(const vec* keep, vec before, vec* d, vec* dp) {
    vec z = keep[0], r = keep[1], n = keep[2];
    dp[0] = d[0] * (before - n) * z * (1.f - z);
    dp[2] = d[0] * (1.f - z) * (1.f - n * n);
    dp[1] = dp[2] * keep[3] * r * (1.f - r);
    dp[3] = dp[2] * r;
    d[0] = d[0] * z;
  }
};

struct SimpleRnn {
  static constexpr std::array<Gate, 1> gates{{{0, 0}}};
  static constexpr int states = 1, saved = 1;
  INLINE static void forward(const vec* z, vec* s, vec* keep) { keep[0] = s[0] = tanh(z[0]); }
  INLINE static void backward(const vec* keep, vec, vec* d, vec* dz) {
    dz[0] = d[0] * (1.f - keep[0] * keep[0]);
    d[0] = vec{};
  }
};

template <class Cell>
constexpr int x_gates() {
  int n = 0;
  for (Gate g : Cell::gates) n += g.x >= 0;
  return n;
}
template <class Cell>
constexpr int h_gates() {
  int n = 0;
  for (Gate g : Cell::gates) n += g.h >= 0;
  return n;
}

// Whether the gates are the same for W and for U: their gradients are then one array.
template <class Cell>
constexpr bool one_of_both() {
  return x_gates<Cell>() == h_gates<Cell>() && h_gates<Cell>() == static_cast<int>(Cell::gates.size());
}

// Sizes of a call. `wide` is units, filled up to whole panels: inner arrays have that many, the added ones 0.
struct Recurrence {
  int batch, steps, inputs, units;
  int wide() const { return panels(units) * PANEL; }
  int row() const { return inputs + wide(); }  // of z
  int rows(int threads) const {                // that a task owns
    return std::max(1, std::min(32, (batch + threads - 1) / threads));
  }
  size_t at(int b, int t) const { return static_cast<size_t>(b) * steps + t; }
  size_t inner(int t, int b) const { return static_cast<size_t>(t) * batch + b; }  // a step's rows side by side
};

// What a call is given and where its results go. States lie behind each other: (states, batch, units).
// What a cell saves lies in two arrays, (steps, batch, some, wide): `kept`, one for each gate of U, and the rest.
struct ForwardArrays {
  const float *x, *kernel, *recurrent, *bias, *start;  // bias: (gates, units)
  const uint8_t* mask;                                 // (batch, steps), or null
  float *ys, *last;                                    // ys: (batch, steps, units), or null
  float *z, *kept, *rest;                              // for the way back, z: (steps, batch, row); or null
};
struct BackwardArrays {
  const float *z, *rest, *recurrent, *dys, *dlast;  // dys: (batch, steps, units), or null
  const uint8_t* mask;
  float *dx_gates, *dh_gates;  // (steps, batch, gates, wide): for W, and for U where `kept` was; the same where their gates are
  float *dstart, *dbias;       // dbias: (gates, wide)
};

// Where the k-th of what is saved of a row lies.
template <class Cell, class Float>
INLINE Float* saved_at(const Recurrence& r, Float* kept, Float* rest, size_t row, int k) {
  constexpr int H = h_gates<Cell>(), K = Cell::saved;
  return k < H ? kept + (row * H + k) * r.wide() : rest + (row * (K - H) + k - H) * r.wide();
}

// Panels of [W; U]: for 16 units, one after the other each gate's, (row, 16).
template <class Cell>
void pack_gates(const Recurrence& r, const float* kernel, const float* recurrent, float* to) {
  ptrdiff_t wx = static_cast<ptrdiff_t>(x_gates<Cell>()) * r.units, wh = static_cast<ptrdiff_t>(h_gates<Cell>()) * r.units;
  for (int u = 0; u < r.units; u += PANEL)
    for (Gate g : Cell::gates) {
      int n = std::min(PANEL, r.units - u);
      if (g.x >= 0) pack(to, kernel + g.x * r.units + u, wx, 1, r.inputs, n);
      to += static_cast<size_t>(r.inputs) * PANEL;
      if (g.h >= 0) pack(to, recurrent + g.h * r.units + u, wh, 1, r.units, n);
      std::memset(to + static_cast<size_t>(r.units) * PANEL, 0, sizeof(float) * PANEL * (r.wide() - r.units));
      to += static_cast<size_t>(r.wide()) * PANEL;
    }
}

// The gates of units u .. u + 15 for n rows of z, before activation: out[row][gate][wide]
template <class Cell>
void gates_of(const Recurrence& r, const float* packed, const float* bias, int u, int n, const float* z, float* out) {
  constexpr int G = Cell::gates.size();
  const float* panel = packed + static_cast<size_t>(u / PANEL) * G * r.row() * PANEL;
  for (int q = 0; q < G; q++, panel += static_cast<size_t>(r.row()) * PANEL) {
    int from = Cell::gates[q].x >= 0 ? 0 : r.inputs, to = Cell::gates[q].h >= 0 ? r.row() : r.inputs;
    vec low = load(bias + q * r.units + u, r.units - u), high = load(bias + q * r.units + u + W, r.units - u - W);
    by_tiles(n, [&](auto rows, int at) __attribute__((always_inline)) {
      vec c[rows][2];
      unrolled<rows>(EACH(i) { c[i][0] = low, c[i][1] = high; });
      multiply<rows, 2>(to - from, z + static_cast<ptrdiff_t>(at) * r.row() + from, r.row(), 1, panel + from * PANEL, PANEL, c);
      unrolled<rows>(EACH(i) {
        float* o = out + (static_cast<size_t>(at + i) * G + q) * r.wide() + u;
        store(o, c[i][0]), store(o + W, c[i][1]);
      });
    });
  }
}

// The units beyond n are none: they stay 0, also where the input is not finite.
template <int S, int K>
INLINE void only(int n, vec (&states)[S], vec (&keep)[K]) {
  for (vec& s : states) s = where(first(n), s, vec{});
  for (vec& k : keep) k = where(first(n), k, vec{});
}

// The new states of row b at step t, from its gates; h also to the next step's z.
template <class Cell>
void finish(const Recurrence& r, const ForwardArrays& a, int t, int b, const float* gates, float* states, float* next) {
  constexpr int G = Cell::gates.size(), S = Cell::states, K = Cell::saved;
  const int wide = r.wide();
  const size_t at = r.at(b, t), inner = r.inner(t, b);
  const bool counts = !a.mask || a.mask[at];
  for (int u = 0; u < wide; u += W) {
    vec p[G], s[S], keep[K] = {};
    for (int q = 0; q < G; q++) p[q] = load(gates + q * wide + u);
    for (int j = 0; j < S; j++) s[j] = load(states + j * wide + u);
    if (counts) Cell::forward(p, s, keep);
    if (u + W > r.units) only(r.units - u, s, keep);
    for (int j = 0; j < S; j++) store(states + j * wide + u, s[j]);
    store(next + u, s[0]);
    if (a.kept) for (int k = 0; k < K; k++) store(saved_at<Cell>(r, a.kept, a.rest, inner, k) + u, keep[k]);
    if (a.ys) store(a.ys + at * r.units + u, s[0], r.units - u);
  }
}

// Rows b0 .. b0 + n - 1 through all steps.
template <class Cell>
void forward_rows(const Recurrence& r, const ForwardArrays& a, const float* packed, int b0, int n) {
  constexpr int G = Cell::gates.size(), S = Cell::states;
  const int wide = r.wide(), row = r.row();
  float* states = scratch<Use::task>(static_cast<size_t>(n) * (2 * row + S * wide + G * wide));  // (row, state, wide)
  float* gates = states + static_cast<size_t>(n) * S * wide;
  float* own = gates + static_cast<size_t>(n) * G * wide;
  auto z = [&](int t) { return a.z && t < r.steps ? a.z + r.inner(t, b0) * row : own + static_cast<size_t>(t % 2) * n * row; };
  std::memset(states, 0, sizeof(float) * n * S * wide);
  for (int i = 0; i < n; i++) {
    for (int s = 0; s < S; s++)
      std::memcpy(states + (i * S + s) * wide, a.start + (static_cast<size_t>(s) * r.batch + b0 + i) * r.units, sizeof(float) * r.units);
    std::memcpy(z(0) + static_cast<size_t>(i) * row + r.inputs, states + i * S * wide, sizeof(float) * wide);
  }
  for (int t = 0; t < r.steps; t++) {
    float *now = z(t), *next = z(t + 1);
    for (int i = 0; i < n; i++)
      std::memcpy(now + static_cast<size_t>(i) * row, a.x + r.at(b0 + i, t) * r.inputs, sizeof(float) * r.inputs);
    for (int u = 0; u < r.units; u += PANEL) gates_of<Cell>(r, packed, a.bias, u, n, now, gates);
    for (int i = 0; i < n; i++)
      finish<Cell>(r, a, t, b0 + i, gates + i * G * wide, states + i * S * wide, next + static_cast<size_t>(i) * row + r.inputs);
  }
  for (int i = 0; i < n; i++)
    for (int s = 0; s < S; s++)
      std::memcpy(a.last + (static_cast<size_t>(s) * r.batch + b0 + i) * r.units, states + (i * S + s) * wide, sizeof(float) * r.units);
}

template <class Cell, class Pool>
void recurrent_forward(Pool& pool, const Recurrence& r, const ForwardArrays& a) {
  float* packed = scratch<Use::packed>(static_cast<size_t>(Cell::gates.size()) * r.row() * r.wide());
  pack_gates<Cell>(r, a.kernel, a.recurrent, packed);
  int rows = r.rows(static_cast<int>(pool.num_threads()));
  parallel_for(pool, (r.batch + rows - 1) / rows, [&](int task) {
    forward_rows<Cell>(r, a, packed, task * rows, std::min(rows, r.batch - task * rows));
  });
}

// The gradients of the gates at step t, of one row; added to those of the bias too.
template <class Cell>
void back_one(const Recurrence& r, const BackwardArrays& a, int b, int t, float* d, float* dbias) {
  constexpr int G = Cell::gates.size(), S = Cell::states, K = Cell::saved, X = x_gates<Cell>(), H = h_gates<Cell>();
  const int wide = r.wide();
  const size_t at = r.at(b, t), inner = r.inner(t, b);
  const bool counts = !a.mask || a.mask[at];
  for (int u = 0; u < wide; u += W) {
    vec keep[K], old[S], dz[G] = {};
    for (int k = 0; k < K; k++) keep[k] = load(saved_at<Cell, const float>(r, a.dh_gates, a.rest, inner, k) + u);
    for (int s = 0; s < S; s++) old[s] = load(d + s * wide + u, r.units - u);
    if (a.dys) old[0] += load(a.dys + at * r.units + u, r.units - u);
    if (counts) Cell::backward(keep, load(a.z + inner * r.row() + r.inputs + u), old, dz);
    for (int s = 0; s < S; s++) store(d + s * wide + u, old[s]);
    for (int q = 0; q < G; q++) {
      Gate g = Cell::gates[q];
      if (g.h >= 0) store(a.dh_gates + (inner * H + g.h) * wide + u, dz[q]);
      if (g.x >= 0 && a.dx_gates != a.dh_gates) store(a.dx_gates + (inner * X + g.x) * wide + u, dz[q]);
      store(dbias + q * wide + u, load(dbias + q * wide + u) + dz[q]);
    }
  }
}

template <class Cell>
void backward_rows(const Recurrence& r, const BackwardArrays& a, const float* packed, int b0, int n, float* dbias) {
  constexpr int G = Cell::gates.size(), S = Cell::states;
  const int wide = r.wide(), K = h_gates<Cell>() * wide;
  float* d = scratch<Use::task>(static_cast<size_t>(n) * S * wide);  // (row, state, wide)
  std::memset(d, 0, sizeof(float) * n * S * wide);
  std::memset(dbias, 0, sizeof(float) * G * wide);
  for (int i = 0; i < n; i++)
    for (int s = 0; s < S; s++)
      std::memcpy(d + (i * S + s) * wide, a.dlast + (static_cast<size_t>(s) * r.batch + b0 + i) * r.units, sizeof(float) * r.units);
  for (int t = r.steps - 1; t >= 0; t--) {
    const float* gates = a.dh_gates + r.inner(t, b0) * K;
    for (int i = 0; i < n; i++) back_one<Cell>(r, a, b0 + i, t, d + i * S * wide, dbias);
    for (int u = 0; u < wide; u += PANEL)
      by_tiles(n, [&](auto rows, int at) __attribute__((always_inline)) {
        vec c[rows][2];
        float* to = d + static_cast<size_t>(at) * S * wide + u;
        unrolled<rows>(EACH(i) { c[i][0] = load(to + i * S * wide), c[i][1] = load(to + i * S * wide + W); });
        multiply<rows, 2>(K, gates + static_cast<ptrdiff_t>(at) * K, K, 1, packed + static_cast<size_t>(u) * K, PANEL, c);
        unrolled<rows>(EACH(i) { store(to + i * S * wide, c[i][0]), store(to + i * S * wide + W, c[i][1]); });
      });
  }
  for (int i = 0; i < n; i++)
    for (int s = 0; s < S; s++)
      std::memcpy(a.dstart + (static_cast<size_t>(s) * r.batch + b0 + i) * r.units, d + (i * S + s) * wide, sizeof(float) * r.units);
}

template <class Cell, class Pool>
void recurrent_backward(Pool& pool, const Recurrence& r, const BackwardArrays& a) {
  constexpr int G = Cell::gates.size(), H = h_gates<Cell>();
  const int wide = r.wide();
  float* packed = scratch<Use::packed>(static_cast<size_t>(H) * wide * wide);  // U^T: for 16 units (H wide, 16)
  std::memset(packed, 0, sizeof(float) * H * wide * wide);
  for (int u = 0; u < r.units; u += PANEL)
    for (int q = 0; q < H; q++)
      pack(packed + (static_cast<size_t>(u) * H + static_cast<size_t>(q) * PANEL) * wide,
           a.recurrent + (static_cast<ptrdiff_t>(u) * H + q) * r.units, 1, static_cast<ptrdiff_t>(H) * r.units, r.units,
           std::min(PANEL, r.units - u));
  int rows = r.rows(static_cast<int>(pool.num_threads())), tasks = (r.batch + rows - 1) / rows;
  float* partial = scratch<Use::partial>(static_cast<size_t>(tasks) * G * wide);
  parallel_for(pool, tasks, [&](int task) {
    backward_rows<Cell>(r, a, packed, task * rows, std::min(rows, r.batch - task * rows), partial + static_cast<size_t>(task) * G * wide);
  });
  for (int j = 0; j < G * wide; j += W) {
    vec total{};
    for (int task = 0; task < tasks; task++) total += load(partial + static_cast<size_t>(task) * G * wide + j);
    store(a.dbias + j, total);
  }
}

}  // namespace liuli
