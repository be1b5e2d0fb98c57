// Recurrent layers over whole sequences, the way back: the gradients of states, weights and inputs.
//
// The gradients of the gates take the place of what was saved of a step, which is asked for while the product before it is made.
// Those of W and U are made of a few steps at a time, while these are near: each task adds up those of its own rows.
#pragma once
#include "product.h"
#include "recurrent.h"

namespace liuli {

struct BackwardArrays {
  const float *z, *rest, *recurrent, *dys, *dlast;  // dys: (batch, steps, units), or null
  const uint8_t* mask;
  float* gates;                                  // their gradients, where `kept` was
  float *dstart, *dkernel, *drecurrent, *dbias;  // dbias: (gates, wide)
};

// The gradients of W and U are made of blocks of so many rows, if they are no larger than this together; else after all steps.
constexpr int BLOCK_ROWS = 192, SMALL_WEIGHTS = 1 << 19;

template <class Cell>
bool in_blocks(const Recurrence& r) {
  return static_cast<int64_t>(r.inputs * x_gates<Cell>() + r.units * h_gates<Cell>()) * r.units <= SMALL_WEIGHTS;
}

// Where a task adds up gradients of W, U and the bias.
struct Sums {
  float *kernel, *recurrent, *bias;
};

// Some steps of a task's rows: z as tiles, turned, and the gradients of the gates as panels; or null.
struct Block {
  int depth;
  float *tiles, *panels;
};

// The gradients of the gates at step t, of one row, the k-th of its block; added to those of the bias too.
template <class Cell>
INLINE void back_one(const Recurrence r, const BackwardArrays a, int b, int t, float* d, float* dbias, const Block block, int k) {
  constexpr int G = Cell::gates.size(), S = Cell::states, K = Cell::saved;
  const int wide = r.wide();
  const size_t at = r.at(b, t), inner = r.inner(t, b);
  const bool counts = !a.mask || a.mask[at];
  for (int v = 0; v < wide; v += W) {
    vec keep[K], old[S], dz[G] = {};
    for (int j = 0; j < K; j++) keep[j] = load(saved_at<Cell, const float>(wide, a.gates, a.rest, inner, j) + v);
    for (int s = 0; s < S; s++) old[s] = load(d + s * wide + v, r.units - v);
    if (a.dys) old[0] += load(a.dys + at * r.units + v, r.units - v);
    if (counts) Cell::backward(keep, load(a.z + inner * r.row() + r.inputs + v), old, dz);
    for (int s = 0; s < S; s++) store(d + s * wide + v, old[s]);
    for (int q = 0; q < G; q++) {
      float* sum = dbias + Cell::gates[q].bias * wide + v;
      const ptrdiff_t panel = static_cast<ptrdiff_t>(q * wide + v / PANEL * PANEL) * block.depth;
      store(a.gates + (inner * G + q) * wide + v, dz[q]);
      if (block.panels) store(block.panels + panel + k * PANEL + v % PANEL, dz[q]);
      store(sum, load(sum) + dz[q]);
    }
  }
}

// Rows b0 .. b0 + n - 1 of d = (gradients of the gates at step t) U^T + d, while what was saved of the step before is asked for.
template <class Cell>
void back_through_u(const Recurrence& r, const BackwardArrays& a, const float* packed, int t, int b0, int n, float* d) {
  constexpr int G = Cell::gates.size(), S = Cell::states, K = Cell::saved, H = h_gates<Cell>();
  const int wide = r.wide(), row = G * wide;
  const float* gates = a.gates + r.inner(t, b0) * row + (G - H) * wide;
  const size_t before = r.inner(std::max(t - 1, 0), b0);
  for (int u = 0; u < wide; u += PANEL)
    by_tiles(n, [&](auto rows, int at) __attribute__((always_inline)) {
      vec c[rows][2];
      float* to = d + static_cast<size_t>(at) * S * wide + u;
      unrolled<rows>(EACH(i) {
        const size_t saved = before + at + i;
        for (int k = 0; k < K; k++) __builtin_prefetch(saved_at<Cell, const float>(wide, a.gates, a.rest, saved, k) + u, 0, 2);
        __builtin_prefetch(a.z + saved * r.row() + r.inputs + u, 0, 2);
        c[i][0] = load(to + i * S * wide), c[i][1] = load(to + i * S * wide + W);
      });
      const float* panel = packed + static_cast<size_t>(u) * H * wide;
      multiply<rows, 2>(H * wide, gates + static_cast<ptrdiff_t>(at) * row, row, 1, panel, PANEL, c);
      unrolled<rows>(EACH(i) { store(to + i * S * wide, c[i][0]), store(to + i * S * wide + W, c[i][1]); });
    });
}

// n rows of z become columns k .. k + n - 1 of the block's tiles: those of x, then those of h.
inline void turn(const Recurrence& r, const float* z, int n, const Block& block, int k) {
  const int row = r.row();
  for (int from : {0, r.inputs})
    by_tiles(from ? r.units : r.inputs, [&](auto M, int i) __attribute__((always_inline)) {
      float* to = block.tiles + static_cast<ptrdiff_t>(from + i) * block.depth + k * M;
      for (int j = 0; j < n; j++) std::memcpy(to + j * M, z + static_cast<ptrdiff_t>(j) * row + from + i, sizeof(float) * M);
    });
}

// c = tiles panels, added to what is there unless it is the first.   c: (rows, units) of a matrix with n columns
inline void multiply_turned(int depth, int rows, int units, const float* tiles, const float* panels, bool fresh, float* c,
                            ptrdiff_t n) {
  for (int j = 0; j < units; j += PANEL)
    by_tiles(rows, [&](auto M, int i) __attribute__((always_inline)) {
      const Matrix tile{tiles + static_cast<ptrdiff_t>(i) * depth, 1, M};
      const float* panel = panels + static_cast<ptrdiff_t>(j) * depth;
      multiply_tile<M, false>(depth, tile, panel, nullptr, fresh, {}, c + i * n + j, n, std::min(PANEL, units - j));
    });
}

// f(gradient, columns of its matrix, first column of z, how many of these) for the parts of dW and dU that gate q has.
template <class Cell, class F>
void each_weight(const Recurrence& r, const Sums& sums, int q, F&& f) {
  constexpr int X = x_gates<Cell>(), H = h_gates<Cell>();
  const Gate g = Cell::gates[q];
  if (g.x >= 0) f(sums.kernel + g.x * r.units, X * r.units, 0, r.inputs);
  if (g.h >= 0) f(sums.recurrent + g.h * r.units, H * r.units, r.inputs, r.units);
}

template <class Cell>
void backward_rows(const Recurrence& r, const BackwardArrays& a, const float* packed, int b0, int n, bool fresh, const Sums& sums) {
  constexpr int G = Cell::gates.size(), S = Cell::states;
  const int wide = r.wide(), most = in_blocks<Cell>(r) ? std::min(r.steps, std::max(1, BLOCK_ROWS / n)) : r.steps;
  float* d = scratch<Use::task>(static_cast<size_t>(n) * S * wide);  // (row, state, wide)
  float* tiles = in_blocks<Cell>(r) ? scratch<Use::task_too>(static_cast<size_t>(most) * n * r.row()) : nullptr;
  float* panels = in_blocks<Cell>(r) ? scratch<Use::task_three>(static_cast<size_t>(most) * n * G * wide) : nullptr;
  std::memset(d, 0, sizeof(float) * n * S * wide);
  for (int i = 0; i < n; i++)
    for (int s = 0; s < S; s++)
      std::memcpy(d + (i * S + s) * wide, a.dlast + (static_cast<size_t>(s) * r.batch + b0 + i) * r.units, sizeof(float) * r.units);
  const int blocks = (r.steps + most - 1) / most;
  for (int at = blocks - 1; at >= 0; at--, fresh = false) {
    const Part part(r.steps, at, blocks);
    const Block block{(part.end - part.begin) * n, tiles, panels};
    for (int t = part.end - 1; t >= part.begin; t--) {
      const int k = (t - part.begin) * n;
      for (int i = 0; i < n; i++) back_one<Cell>(r, a, b0 + i, t, d + i * S * wide, sums.bias, block, k + i);
      if (tiles) turn(r, a.z + r.inner(t, b0) * r.row(), n, block, k);
      back_through_u<Cell>(r, a, packed, t, b0, n, d);
    }
    for (int q = 0; q < G && tiles; q++)
      each_weight<Cell>(r, sums, q, [&](float* c, int columns, int from, int rows) {
        multiply_turned(block.depth, rows, r.units, tiles + static_cast<ptrdiff_t>(from) * block.depth,
                        panels + static_cast<ptrdiff_t>(q) * wide * block.depth, fresh, c, columns);
      });
  }
  for (int i = 0; i < n; i++)
    for (int s = 0; s < S; s++)
      std::memcpy(a.dstart + (static_cast<size_t>(s) * r.batch + b0 + i) * r.units, d + (i * S + s) * wide, sizeof(float) * r.units);
}

// dW and dU after all steps, where they are large.
template <class Cell, class Pool>
void multiply_weights(Pool& pool, const Recurrence& r, const BackwardArrays& a, const Sums& sums) {
  constexpr int G = Cell::gates.size(), PIECES = 4;
  parallel_for(pool, G * PIECES, [&](int task) {
    const int q = task / PIECES;
    const Part part(panels(r.units), task % PIECES, PIECES);
    const int left = part.begin * PANEL, columns = std::min(r.units, part.end * PANEL) - left;
    each_weight<Cell>(r, sums, q, [&](float* c, int n, int from, int rows) {
      multiply_rectangle({rows, n, r.steps * r.batch}, {0, rows, left, columns}, {a.z + from, 1, r.row()},
                         {a.gates + q * r.wide(), static_cast<ptrdiff_t>(G) * r.wide(), 1}, {}, c);
    });
  });
}

template <class Cell, class Pool>
void recurrent_backward(Pool& pool, const Recurrence& r, const BackwardArrays& a) {
  constexpr int G = Cell::gates.size(), X = x_gates<Cell>(), H = h_gates<Cell>();
  const int wide = r.wide(), threads = static_cast<int>(pool.num_threads());
  const int rows = r.rows(threads), groups = (r.batch + rows - 1) / rows, tasks = std::min(groups, 2 * threads);
  float* packed = scratch<Use::packed>(static_cast<size_t>(H) * wide * wide);  // U^T: for 16 units (H wide, 16)
  pack_all(pool, r.units, tasks, [&](int u) {
    float* to = packed + static_cast<size_t>(u) * H * wide;
    if (r.units < wide) std::memset(to, 0, sizeof(float) * H * wide * PANEL);
    for (int q = 0; q < H; q++)
      pack(to + static_cast<size_t>(q) * wide * PANEL, a.recurrent + (static_cast<ptrdiff_t>(u) * H + q) * r.units, 1,
           static_cast<ptrdiff_t>(H) * r.units, r.units, std::min(PANEL, r.units - u));
  });
  const size_t of_bias = static_cast<size_t>(G) * wide;
  const size_t of_w = static_cast<size_t>(r.inputs) * X * r.units, of_u = static_cast<size_t>(r.units) * H * r.units;
  const size_t size = of_bias + (in_blocks<Cell>(r) ? of_w + of_u : 0);
  float* partial = scratch<Use::partial>((tasks - 1) * size);  // bias, W, U of every task but the first
  const Sums whole{a.dkernel, a.drecurrent, a.dbias};
  parallel_for(pool, tasks, [&](int task) {
    float* mine = partial + (task - 1) * size;
    const Sums sums = task ? Sums{mine + of_bias, mine + of_bias + of_w, mine} : whole;
    std::memset(sums.bias, 0, sizeof(float) * of_bias);
    const Part part(groups, task, tasks);
    for (int g = part.begin; g < part.end; g++)
      backward_rows<Cell>(r, a, packed, g * rows, std::min(rows, r.batch - g * rows), g == part.begin, sums);
  });
  auto add_others = [&](float* to, size_t from, size_t n) {
    for (int task = 1; task < tasks; task++)
      for (size_t j = 0; j < n; j++) to[j] += partial[(task - 1) * size + from + j];
  };
  add_others(a.dbias, 0, of_bias);
  if (!in_blocks<Cell>(r)) return multiply_weights<Cell>(pool, r, a, whole);
  add_others(a.dkernel, of_bias, of_w);
  add_others(a.drecurrent, of_bias + of_w, of_u);
}

// The gradient of x at all steps: (gradients of W's gates) W^T.   gates: (steps, batch, gates, wide)   dx: (batch, steps, inputs)
template <class Cell, class Pool>
void recurrent_inputs(Pool& pool, const Recurrence& r, const float* gates, const float* kernel, float* dx) {
  constexpr int G = Cell::gates.size(), X = x_gates<Cell>();
  const int wide = r.wide(), K = X * wide, tasks = std::min(r.steps, 4 * static_cast<int>(pool.num_threads()));
  float* packed = scratch<Use::packed>(static_cast<size_t>(panels(r.inputs)) * K * PANEL);
  pack_all(pool, r.inputs, tasks, [&](int j) {
    for (int q = 0; q < X; q++) {
      float* to = packed + (static_cast<size_t>(j) * X + static_cast<size_t>(q) * PANEL) * wide;
      std::memset(to + static_cast<size_t>(r.units) * PANEL, 0, sizeof(float) * PANEL * (wide - r.units));
      pack(to, kernel + (static_cast<ptrdiff_t>(j) * X + Cell::gates[q].x) * r.units, 1, static_cast<ptrdiff_t>(X) * r.units, r.units,
           std::min(PANEL, r.inputs - j));
    }
  });
  parallel_for(pool, tasks, [&](int task) {
    Part part(r.steps, task, tasks);
    for (int t = part.begin; t < part.end; t++)
      for (int j = 0; j < r.inputs; j += PANEL)
        by_tiles(r.batch, [&](auto rows, int b) __attribute__((always_inline)) {
          const Matrix row{gates + r.inner(t, b) * G * wide, G * wide, 1};
          multiply_tile<rows, false>(K, row, packed + static_cast<size_t>(j) * K, nullptr, true, {}, dx + r.at(b, t) * r.inputs + j,
                                     static_cast<ptrdiff_t>(r.steps) * r.inputs, std::min(PANEL, r.inputs - j));
        });
  });
}

}  // namespace liuli
