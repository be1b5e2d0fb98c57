// Recurrent layers over whole sequences: LSTM, GRU (reset after the product) and SimpleRNN, the way forward.
//
// A task owns rows of the batch for all time steps, so that no step waits for another task. A row of `z` is [x_t, h_{t-1}],
// and one product with packed panels of [W; U] gives the gates of 16 units, which become their states at once. What is saved for
// the way back lies step by step, so that a task writes and reads it in one sweep.
#pragma once
#include <array>

#include "pool.h"
#include "tile.h"

namespace liuli {

// Where a gate's columns stand in W and in U, in units, -1: it has none, and its row of the bias.
struct Gate {
  int x, h, bias;
};

// Each cell says what its gates are, those of W first, those of U last and in U's order, how its states follow from the gates
// before activation, and the way back: from what was saved, a number for each gate and the rest, h before, and the gradients
// `d` of the new states to those of the old ones and of the gates.
struct Lstm {
  static constexpr std::array<Gate, 4> gates{{{0, 0, 0}, {1, 1, 1}, {2, 2, 2}, {3, 3, 3}}};  // i f g o
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
  static constexpr std::array<Gate, 4> gates{{{2, -1, 2}, {0, 0, 0}, {1, 1, 1}, {-1, 2, 3}}};  // z r between the candidate's parts
  static constexpr int states = 1, saved = 4;
  INLINE static void forward(const vec* p, vec* s, vec* keep) {
    vec z = sigmoid(p[1]), r = sigmoid(p[2]), n = tanh(p[0] + r * p[3]);
    keep[0] = n, keep[1] = z, keep[2] = r, keep[3] = p[3];
    s[0] = z * s[0] + (1.f - z) * n;
  }
  INLINE static void backward(const vec* keep, vec before, vec* d, vec* dp) {
    vec n = keep[0], z = keep[1], r = keep[2];
    dp[0] = d[0] * (1.f - z) * (1.f - n * n);
    dp[1] = d[0] * (before - n) * z * (1.f - z);
    dp[2] = dp[0] * keep[3] * r * (1.f - r);
    dp[3] = dp[0] * r;
    d[0] = d[0] * z;
  }
};

struct SimpleRnn {
  static constexpr std::array<Gate, 1> gates{{{0, 0, 0}}};
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

// Sizes of a call. `wide` is units, filled up to whole panels: inner arrays have that many, the added ones 0.
struct Recurrence {
  int batch, steps, inputs, units;
  int wide() const { return panels(units) * PANEL; }
  int row() const { return inputs + wide(); }  // of z
  int rows(int threads) const {                // that a task owns at once
    return std::max(1, std::min(32, (batch + threads - 1) / threads));
  }
  size_t at(int b, int t) const { return static_cast<size_t>(b) * steps + t; }
  size_t inner(int t, int b) const { return static_cast<size_t>(t) * batch + b; }  // a step's rows side by side
};

// What a call is given and where its results go. States lie behind each other: (states, batch, units).
struct ForwardArrays {
  const float *x, *kernel, *recurrent, *bias, *start;  // bias: (gates, units)
  const uint8_t* mask;                                 // (batch, steps), or null
  float *ys, *last;                                    // ys: (batch, steps, units), or null
  float *z, *kept, *rest;  // for the way back: (steps, batch, row), (steps, batch, gates, wide), the same of the rest; or null
};

// Where the k-th of what is saved of a row lies.
template <class Cell, class Float>
INLINE Float* saved_at(int wide, Float* kept, Float* rest, size_t row, int k) {
  constexpr int G = Cell::gates.size(), K = Cell::saved;
  return k < G ? kept + (row * G + k) * wide : rest + (row * (K - G) + k - G) * wide;
}

// A panel of [W; U]: for units u .. u + 15, one after the other each gate's, (row, 16).
template <class Cell>
void pack_gates(const Recurrence& r, const float* kernel, const float* recurrent, int u, float* to) {
  ptrdiff_t wx = static_cast<ptrdiff_t>(x_gates<Cell>()) * r.units, wh = static_cast<ptrdiff_t>(h_gates<Cell>()) * r.units;
  for (Gate g : Cell::gates) {
    int n = std::min(PANEL, r.units - u);
    if (g.x >= 0) pack(to, kernel + g.x * r.units + u, wx, 1, r.inputs, n);
    to += static_cast<size_t>(r.inputs) * PANEL;
    if (g.h >= 0) pack(to, recurrent + g.h * r.units + u, wh, 1, r.units, n);
    std::memset(to + static_cast<size_t>(r.units) * PANEL, 0, sizeof(float) * PANEL * (r.wide() - r.units));
    to += static_cast<size_t>(r.wide()) * PANEL;
  }
}

// pack(u) for every panel u .. u + 15 of `columns`, on as many threads as there are tasks later.
template <class Pool, class F>
void pack_all(Pool& pool, int columns, int tasks, F&& pack) {
  parallel_for(pool, std::min(tasks, panels(columns)), [&](int piece) {
    Part part(panels(columns), piece, std::min(tasks, panels(columns)));
    for (int p = part.begin; p < part.end; p++) pack(p * PANEL);
  });
}

// The gates of 16 units for n rows of z, before activation: out[row][gate][16]. Asks for where they will be kept, if they will,
// and for the next step's h.
template <class Cell>
void gates_of(const Recurrence& r, const float* panel, const float* bias, int u, int n, const float* z, float* kept, const float* next,
              float* out) {
  constexpr int G = Cell::gates.size();
  const int row = r.row(), wide = r.wide();
  for (int q = 0; q < G; q++, panel += static_cast<size_t>(row) * PANEL) {
    int from = Cell::gates[q].x >= 0 ? 0 : r.inputs, to = Cell::gates[q].h >= 0 ? row : r.inputs;
    const float* b = bias + Cell::gates[q].bias * r.units + u;
    vec low = load(b, r.units - u), high = load(b + W, r.units - u - W);
    by_tiles(n, [&](auto rows, int at) __attribute__((always_inline)) {
      vec c[rows][2];
      unrolled<rows>(EACH(i) {
        if (kept) __builtin_prefetch(kept + (static_cast<size_t>(at + i) * G + q) * wide + u, 1);
        if (kept && q == 0) __builtin_prefetch(next + static_cast<size_t>(at + i) * row + r.inputs + u, 1);
        c[i][0] = low, c[i][1] = high;
      });
      multiply<rows, 2>(to - from, z + static_cast<ptrdiff_t>(at) * row + from, row, 1, panel + from * PANEL, PANEL, c);
      unrolled<rows>(EACH(i) {
        float* o = out + (static_cast<size_t>(at + i) * G + q) * PANEL;
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

// Units u .. u + 15 of the new states of row b at step t, from their gates; h also to the next step's z.
template <class Cell>
INLINE void finish(const Recurrence r, const ForwardArrays a, int t, int b, int u, const float* gates, float* states, float* next) {
  constexpr int G = Cell::gates.size(), S = Cell::states, K = Cell::saved;
  const int wide = r.wide();
  const size_t at = r.at(b, t), inner = r.inner(t, b);
  const bool counts = !a.mask || a.mask[at];
  for (int half = 0; half < PANEL; half += W) {
    const int v = u + half, left = r.units - v;
    vec p[G], s[S], keep[K] = {};
    for (int q = 0; q < G; q++) p[q] = load(gates + q * PANEL + half);
    for (int j = 0; j < S; j++) s[j] = load(states + j * wide + v);
    if (counts) Cell::forward(p, s, keep);
    if (left < W) only(left, s, keep);
    for (int j = 0; j < S; j++) store(states + j * wide + v, s[j]);
    store(next + v, s[0]);
    if (a.kept) for (int k = 0; k < K; k++) store(saved_at<Cell>(wide, a.kept, a.rest, inner, k) + v, keep[k]);
    if (a.ys) store(a.ys + at * r.units + v, s[0], left);
  }
}

// Rows b0 .. b0 + n - 1 through all steps.
template <class Cell>
void forward_rows(const Recurrence& r, const ForwardArrays& a, const float* packed, int b0, int n) {
  constexpr int G = Cell::gates.size(), S = Cell::states;
  const int wide = r.wide(), row = r.row();
  float* states = scratch<Use::task>(static_cast<size_t>(n) * (2 * row + S * wide + G * PANEL));  // (row, state, wide)
  float* gates = states + static_cast<size_t>(n) * S * wide;
  float* own = gates + static_cast<size_t>(n) * G * PANEL;
  auto z = [&](int t) { return a.z && t < r.steps ? a.z + r.inner(t, b0) * row : own + static_cast<size_t>(t % 2) * n * row; };
  std::memset(states, 0, sizeof(float) * n * S * wide);
  for (int i = 0; i < n; i++) {
    for (int s = 0; s < S; s++)
      std::memcpy(states + (i * S + s) * wide, a.start + (static_cast<size_t>(s) * r.batch + b0 + i) * r.units, sizeof(float) * r.units);
    std::memcpy(z(0) + static_cast<size_t>(i) * row + r.inputs, states + i * S * wide, sizeof(float) * wide);
  }
  for (int t = 0; t < r.steps; t++) {
    float *now = z(t), *next = z(t + 1), *kept = a.kept ? a.kept + r.inner(t, b0) * G * wide : nullptr;
    for (int i = 0; i < n; i++)
      std::memcpy(now + static_cast<size_t>(i) * row, a.x + r.at(b0 + i, t) * r.inputs, sizeof(float) * r.inputs);
    for (int u = 0; u < r.units; u += PANEL) {
      gates_of<Cell>(r, packed + static_cast<size_t>(u) * G * row, a.bias, u, n, now, kept, next, gates);
      for (int i = 0; i < n; i++)
        finish<Cell>(r, a, t, b0 + i, u, gates + i * G * PANEL, states + i * S * wide, next + static_cast<size_t>(i) * row + r.inputs);
    }
  }
  for (int i = 0; i < n; i++)
    for (int s = 0; s < S; s++)
      std::memcpy(a.last + (static_cast<size_t>(s) * r.batch + b0 + i) * r.units, states + (i * S + s) * wide, sizeof(float) * r.units);
}

template <class Cell, class Pool>
void recurrent_forward(Pool& pool, const Recurrence& r, const ForwardArrays& a) {
  constexpr int G = Cell::gates.size();
  const int rows = r.rows(static_cast<int>(pool.num_threads())), tasks = (r.batch + rows - 1) / rows;
  float* packed = scratch<Use::packed>(static_cast<size_t>(G) * r.row() * r.wide());
  pack_all(pool, r.units, tasks, [&](int u) {
    pack_gates<Cell>(r, a.kernel, a.recurrent, u, packed + static_cast<size_t>(u) * G * r.row());
  });
  parallel_for(pool, tasks, [&](int task) {
    forward_rows<Cell>(r, a, packed, task * rows, std::min(rows, r.batch - task * rows));
  });
}

}  // namespace liuli
