// Attention, forward and backward: y_t = sum over s of w_ts v_s, w_t = softmax over s of scale q_t . k_s.
//
// A task owns some queries of the heads that share the keys and values of one sample, which it packs once. It goes through the
// keys in blocks, so that a few rows of scores stay in the cache, and makes each row's softmax as it goes (Milakov and
// Gimelshein, 2018). The way back makes the weights again from the logarithm of each row's sum (Dao et al., 2022).
#pragma once
#include <algorithm>

#include "pool.h"
#include "tile.h"

namespace liuli {

constexpr float LOWEST = -std::numeric_limits<float>::max();  // the score of a key that a query may not take from
constexpr float NOTHING = -std::numeric_limits<float>::infinity();  // of what fills the last panel up

INLINE int filled(int n) { return panels(n) * PANEL; }

// Keys begin .. end - 1; begin is the first of a panel where scores are made.
struct Keys {
  int begin, end;
  Keys within(int from, int to) const { return {std::max(begin, from), std::min(end, to)}; }
  int count() const { return std::max(0, end - begin); }
};

// Sizes of a call, and which keys a query may take from. q, y: (batch, queries, heads, d or m)   k, v: (batch, keys, groups, d or m)
struct Attention {
  int batch, queries, keys, heads, groups, d, m;
  bool causal;
  int window;        // 0: none
  float scale;
  const bool* mask;  // (batch, heads, queries, keys) with these strides, or null
  ptrdiff_t mask_sample, mask_head, mask_query;

  Keys reach(int first, int last) const {  // of the queries first .. last
    int end = causal ? last + 1 : window ? last + window : keys;
    return {window ? std::max(0, first - window + 1) : 0, std::min(keys, end)};
  }
  const bool* mask_row(int b, int h, int t) const { return mask + b * mask_sample + h * mask_head + t * mask_query; }
  size_t query(int b, int t, int h) const { return (static_cast<size_t>(b) * queries + t) * heads + h; }
  size_t key(int b, int s, int g) const { return (static_cast<size_t>(b) * keys + s) * groups + g; }
  size_t sum(int b, int h, int t) const { return (static_cast<size_t>(b) * heads + h) * queries + t; }
  bool whole() const { return !causal && !window; }  // every query reaches every key
  int q_step() const { return heads * d; }
  int y_step() const { return heads * m; }
};

// What a call is given and where its results go.
struct AttentionForward {
  const float *q, *k, *v;
  float *y, *sums;  // sums: (batch, heads, queries), the logarithm of each row's sum of e^score
};
struct AttentionBackward {
  const float *q, *k, *v, *y, *sums, *dy;
  float *dq, *dk, *dv;
};

INLINE bool finite(const float* p, ptrdiff_t step, int rows, int n) {
  vec zero{};
  for (int i = 0; i < rows; i++, p += step) {
    int j = 0;
    for (; j + W <= n; j += W) zero += load(p + j) * 0.f;
    if (j < n) zero += load(p + j, n - j) * 0.f;
  }
  return sum(zero) == 0;
}

// Panels of 16 rows of a (rows, n) as columns: (panel, n, 16); and of 16 of its columns: (panel, rows, 16).
inline void pack_rows(float* to, const float* a, ptrdiff_t step, int rows, int n) {
  for (int i = 0; i < rows; i += PANEL, to += PANEL * n) pack(to, a + i * step, 1, step, n, std::min(PANEL, rows - i));
}
inline void pack_columns(float* to, const float* a, ptrdiff_t step, int rows, int n) {
  for (int j = 0; j < n; j += PANEL, to += PANEL * rows) pack(to, a + j, step, 1, rows, std::min(PANEL, n - j));
}

// n floats, a multiple of 8
inline void multiply_all(float* a, size_t n, float by) {
  for (size_t i = 0; i < n; i += W) store(a + i, load(a + i) * by);
}

// s[i][j - from] = a_i . b_j for the keys of whole panels; b: (panel, n, 16)
template <int M>
INLINE void products(const float* a, ptrdiff_t row, int n, const float* b, Keys keys, int from, float* s, int step) {
  for (int j = keys.begin; j < keys.end; j += PANEL) {
    vec c[M][2];
    clear(c);
    multiply<M, 2>(n, a, row, 1, b + static_cast<size_t>(j) * n, PANEL, c);
    unrolled<M>(EACH(i) { store(s + i * step + j - from, c[i][0]), store(s + i * step + j - from + W, c[i][1]); });
  }
}

// c[i] += sum over k < K of a[i * row + k * col] b[k], rows of c `wide` apart; b: (panel, K of `depth`, 16)
template <int M>
INLINE void add_products(int K, const float* a, ptrdiff_t row, ptrdiff_t col, const float* b, int depth, float* c, int wide) {
  for (int j = 0; j < wide; j += PANEL, b += static_cast<size_t>(depth) * PANEL) {
    vec tile[M][2];
    unrolled<M>(EACH(i) { tile[i][0] = load(c + i * wide + j), tile[i][1] = load(c + i * wide + j + W); });
    multiply<M, 2>(K, a, row, col, b, PANEL, tile);
    unrolled<M>(EACH(i) { store(c + i * wide + j, tile[i][0]), store(c + i * wide + j + W, tile[i][1]); });
  }
}

// Scores of query t with some keys, s[0] that of keys.begin: LOWEST where it may not take from a key.
inline void forbid(const Attention& a, const bool* mask, int t, Keys keys, float* s) {
  Keys may = a.reach(t, t);
  int n = keys.count(), begin = std::clamp(may.begin - keys.begin, 0, n), end = std::clamp(may.end - keys.begin, begin, n);
  std::fill(s, s + begin, LOWEST);
  std::fill(s + end, s + n, LOWEST);
  if (mask)
    for (int j = begin; j < end; j++) s[j] = mask[keys.begin + j] ? s[j] : LOWEST;
  std::fill(s + n, s + filled(n), NOTHING);
}

INLINE vec weight(vec score, float from) { return where(score == all(LOWEST), vec{}, exp(score - from)); }

// A row's softmax as far as it has come: the weights are e^(score - top), and `total` is their sum.
struct Row {
  float top = NOTHING, total = 0;
  // n more scores become weights; what the former ones change by.
  INLINE float take(float* s, int n) {
    vec high = all(top), more{};
    for (int j = 0; j < n; j += W) high = larger(high, load(s + j));
    float now = largest(high), change = std::exp(top - now);
    for (int j = 0; j < n; j += W) {
      vec e = weight(load(s + j), now);
      store(s + j, e);
      more += e;
    }
    top = now, total = total * change + sum(more);
    return change;
  }
};

// The heads that share the keys and values of group g of sample b. Where `all` the keys count: a weight of 0 times what is
// not finite is not a number, so none may be left out then.
struct Group {
  const Attention& a;
  int b, g;
  bool all;
  float *k_rows, *v_rows, *k_columns, *v_columns;

  Keys reach(int first, int last) const {
    if (all) return {0, a.keys};
    Keys keys = a.reach(first, last);
    return {keys.begin / PANEL * PANEL, keys.end};
  }
  const float* of_query(const float* x, int t, int h, int n) const { return x + a.query(b, t, h) * n; }
  const float* of_key(const float* x, int n) const { return x + a.key(b, 0, g) * n; }
  // The part `piece` of `pieces` of the blocks of queries: f(head, first query, how many).
  template <class F>
  void blocks(int rows, int piece, int pieces, F&& f) const {
    int blocks = (a.queries + rows - 1) / rows, each = a.heads / a.groups;
    Part part(blocks * each, piece, pieces);
    for (int i = part.begin; i < part.end; i++) {
      int t = i % blocks * rows;
      f(g * each + i / blocks, t, std::min(rows, a.queries - t));
    }
  }
  bool finite_queries(const float* x, int n) const {
    int each = a.heads / a.groups;
    return finite(of_query(x, 0, g * each, n), a.heads * n, a.queries, each * n);
  }
  bool finite_keys(const float* x, int n) const { return finite(of_key(x, n), a.groups * n, a.keys, n); }
};

// Into how many pieces a group's queries are split, so that all threads have work.
INLINE int pieces_of(const Attention& a, int threads, int rows) {
  int groups = a.batch * a.groups, blocks = (a.queries + rows - 1) / rows * (a.heads / a.groups);
  return groups >= 2 * threads ? 1 : std::clamp(4 * threads / groups, 1, blocks);
}

struct ForwardBlock {
  static constexpr int rows = 48, keys = 256, line = keys + PANEL;
};

// n queries from t of head h.
inline void forward_block(const Group& group, const AttentionForward& x, int h, int t, int n, float* work) {
  const Attention& a = group.a;
  const int wide = filled(a.m), line = ForwardBlock::line;
  float *o = work, *s = o + static_cast<size_t>(ForwardBlock::rows) * wide;  // (rows, wide) and (6, line)
  Row row[ForwardBlock::rows];
  std::memset(o, 0, sizeof(float) * n * wide);
  Keys reach = group.reach(t, t + n - 1);
  for (int from = reach.begin; from < reach.end; from += ForwardBlock::keys)
    by_tiles(n, [&](auto rows, int at) __attribute__((always_inline)) {
      Keys keys = group.reach(t + at, t + at + rows - 1).within(from, from + ForwardBlock::keys);
      if (!keys.count()) return;
      products<rows>(group.of_query(x.q, t + at, h, a.d), a.q_step(), a.d, group.k_rows, keys, keys.begin, s, line);
      for (int i = 0; i < rows; i++) {
        forbid(a, a.mask ? a.mask_row(group.b, h, t + at + i) : nullptr, t + at + i, keys, s + i * line);
        vec change = all(row[at + i].take(s + i * line, filled(keys.count())));
        float* to = o + static_cast<size_t>(at + i) * wide;
        for (int j = 0; j < wide; j += W) store(to + j, load(to + j) * change);
      }
      const float* v = group.v_columns + static_cast<size_t>(keys.begin) * PANEL;
      add_products<rows>(keys.count(), s, line, 1, v, a.keys, o + static_cast<size_t>(at) * wide, wide);
    });
  for (int i = 0; i < n; i++) {
    float total = row[i].total, part = total == 0 ? 0.f : 1.f / total;
    float* y = x.y + a.query(group.b, t + i, h) * a.m;
    for (int j = 0; j < a.m; j += W) store(y + j, load(o + static_cast<size_t>(i) * wide + j) * part, a.m - j);
    x.sums[a.sum(group.b, h, t + i)] = total == 0 ? 0.f : row[i].top + std::log(total);
  }
}

template <class Pool>
void attention_forward(Pool& pool, const Attention& a, const AttentionForward& x) {
  const int pieces = pieces_of(a, static_cast<int>(pool.num_threads()), ForwardBlock::rows);
  const size_t keys = filled(a.keys);
  parallel_for(pool, a.batch * a.groups * pieces, [&](int task) {
    float* packed = scratch<Use::task>(keys * (a.d + filled(a.m)));
    float* work = scratch<Use::task_too>(static_cast<size_t>(ForwardBlock::rows) * filled(a.m) + ROWS * ForwardBlock::line);
    Group group{a, task / pieces / a.groups, task / pieces % a.groups, false, packed, nullptr, nullptr, packed + keys * a.d};
    pack_rows(group.k_rows, group.of_key(x.k, a.d), a.groups * a.d, a.keys, a.d);
    multiply_all(group.k_rows, keys * a.d, a.scale);
    pack_columns(group.v_columns, group.of_key(x.v, a.m), a.groups * a.m, a.keys, a.m);
    group.all = a.whole() || !group.finite_keys(x.v, a.m);
    group.blocks(ForwardBlock::rows, task % pieces, pieces, [&](int h, int t, int n) { forward_block(group, x, h, t, n, work); });
  });
}

struct BackwardBlock {
  static constexpr int rows = 32, keys = 128, line = keys + PANEL;
  float *weights, *ds;         // (rows, line): w, and the gradient of the scores
  float *q_columns, *dy_columns;  // (panel, rows, 16)
  float *dq;                   // (rows, wide d)
  static size_t size(int d, int m) { return static_cast<size_t>(rows) * (2 * line + 2 * d + m); }
  BackwardBlock(float* work, int d, int m)
      : weights(work), ds(weights + rows * line), q_columns(ds + rows * line), dy_columns(q_columns + rows * d), dq(dy_columns + rows * m) {}
};

// Some queries with some keys: their weights w, and ds = w (dw - sum of w dw), where dw_s = dy . v_s and the sum is dy . y.
template <int M>
INLINE void weights_again(const Group& group, const AttentionBackward& x, int h, int t, Keys keys, int from, float* w, float* ds) {
  const Attention& a = group.a;
  constexpr int line = BackwardBlock::line;
  products<M>(group.of_query(x.q, t, h, a.d), a.q_step(), a.d, group.k_rows, keys, from, w, line);
  products<M>(group.of_query(x.dy, t, h, a.m), a.y_step(), a.m, group.v_rows, keys, from, ds, line);
  for (int i = 0; i < M; i++, w += line, ds += line) {
    const float *y = group.of_query(x.y, t + i, h, a.m), *dy = group.of_query(x.dy, t + i, h, a.m);
    vec along{};
    for (int j = 0; j < a.m; j += W) along += load(y + j, a.m - j) * load(dy + j, a.m - j);
    float mean = sum(along), log_sum = x.sums[a.sum(group.b, h, t + i)];
    forbid(a, a.mask ? a.mask_row(group.b, h, t + i) : nullptr, t + i, keys, w + keys.begin - from);
    for (int j = keys.begin - from; j < filled(keys.end - from); j += W) {
      vec score = load(w + j), e = weight(score, log_sum);
      store(w + j, e);
      store(ds + j, where(score == all(LOWEST), vec{}, e * (load(ds + j) - mean)));
    }
  }
}

// n queries from t of head h; dk and dv are added to: (keys, wide d) and (keys, wide m).
inline void backward_block(const Group& group, const AttentionBackward& x, int h, int t, int n, float* work, float* dk, float* dv) {
  const Attention& a = group.a;
  const int d = filled(a.d), m = filled(a.m), line = BackwardBlock::line;
  BackwardBlock block(work, d, m);
  pack_columns(block.q_columns, group.of_query(x.q, t, h, a.d), a.q_step(), n, a.d);
  pack_columns(block.dy_columns, group.of_query(x.dy, t, h, a.m), a.y_step(), n, a.m);
  std::memset(block.dq, 0, sizeof(float) * n * d);
  Keys reach = group.reach(t, t + n - 1);
  for (int from = reach.begin; from < reach.end; from += BackwardBlock::keys) {
    Keys all = reach.within(from, from + BackwardBlock::keys);
    by_tiles(n, [&](auto rows, int at) __attribute__((always_inline)) {
      float *w = block.weights + at * line, *ds = block.ds + at * line;
      Keys keys = group.reach(t + at, t + at + rows - 1).within(all.begin, all.end);
      if (keys.count() < all.count())  // what no query of the tile takes from
        for (float* zero : {w, ds}) std::memset(zero, 0, sizeof(float) * rows * line);
      if (!keys.count()) return;
      weights_again<rows>(group, x, h, t + at, keys, from, w, ds);
      const float* k = group.k_columns + static_cast<size_t>(keys.begin) * PANEL;
      add_products<rows>(keys.count(), ds + keys.begin - from, line, 1, k, a.keys, block.dq + at * d, d);
    });
    by_tiles(all.count(), [&](auto rows, int at) __attribute__((always_inline)) {
      size_t key = static_cast<size_t>(from) + at;
      add_products<rows>(n, block.ds + at, 1, line, block.q_columns, n, dk + key * d, d);
      add_products<rows>(n, block.weights + at, 1, line, block.dy_columns, n, dv + key * m, m);
    });
  }
  for (int i = 0; i < n; i++)
    std::memcpy(x.dq + a.query(group.b, t + i, h) * a.d, block.dq + static_cast<size_t>(i) * d, sizeof(float) * a.d);
}

// scale times the sum of `pieces` arrays (keys, wide), `apart` each, to the keys of a group.
inline void write_keys(const Group& group, float* to, const float* pieces_at, size_t apart, int pieces, int n, float scale) {
  const int wide = filled(n);
  for (int s = 0; s < group.a.keys; s++)
    for (int j = 0; j < n; j += W) {
      vec total{};
      for (int i = 0; i < pieces; i++) total += load(pieces_at + i * apart + static_cast<size_t>(s) * wide + j);
      store(to + group.a.key(group.b, s, group.g) * n + j, scale * total, n - j);
    }
}

// One piece of a group's queries: their dq, and what they give to dk and dv.
inline void backward_piece(Group& group, const AttentionBackward& x, int piece, int pieces, float* dk, float* dv) {
  const Attention& a = group.a;
  const int d = filled(a.d), m = filled(a.m);
  const size_t keys = filled(a.keys);
  float* work = scratch<Use::task_too>(BackwardBlock::size(d, m));
  group.k_rows = scratch<Use::task>(keys * (a.d + a.m + d));
  group.v_rows = group.k_rows + keys * a.d;
  group.k_columns = group.v_rows + keys * a.m;
  pack_rows(group.k_rows, group.of_key(x.k, a.d), a.groups * a.d, a.keys, a.d);
  pack_rows(group.v_rows, group.of_key(x.v, a.m), a.groups * a.m, a.keys, a.m);
  pack_columns(group.k_columns, group.of_key(x.k, a.d), a.groups * a.d, a.keys, a.d);
  multiply_all(group.k_rows, keys * a.d, a.scale);
  multiply_all(group.k_columns, static_cast<size_t>(a.keys) * d, a.scale);
  group.all = a.whole() || !group.finite_queries(x.q, a.d) || !group.finite_queries(x.dy, a.m) || !group.finite_keys(x.k, a.d);
  std::memset(dk, 0, sizeof(float) * a.keys * d);
  std::memset(dv, 0, sizeof(float) * a.keys * m);
  group.blocks(BackwardBlock::rows, piece, pieces,
               [&](int h, int t, int n) { backward_block(group, x, h, t, n, work, dk, dv); });
}

template <class Pool>
void attention_backward(Pool& pool, const Attention& a, const AttentionBackward& x) {
  const int pieces = pieces_of(a, static_cast<int>(pool.num_threads()), BackwardBlock::rows), groups = a.batch * a.groups;
  const size_t dk_size = static_cast<size_t>(a.keys) * filled(a.d), both = dk_size + static_cast<size_t>(a.keys) * filled(a.m);
  auto group_of = [&](int i) { return Group{a, i / a.groups, i % a.groups, false, nullptr, nullptr, nullptr, nullptr}; };
  auto write = [&](const Group& group, const float* sums) {
    write_keys(group, x.dk, sums, both, pieces, a.d, a.scale);
    write_keys(group, x.dv, sums + dk_size, both, pieces, a.m, 1.f);
  };
  float* partial = pieces == 1 ? nullptr : scratch<Use::partial>(both * groups * pieces);
  parallel_for(pool, groups * pieces, [&](int task) {
    Group group = group_of(task / pieces);
    float* sums = partial ? partial + task * both : scratch<Use::task_three>(both);
    backward_piece(group, x, task % pieces, pieces, sums, sums + dk_size);
    if (!partial) write(group, sums);
  });
  if (partial) parallel_for(pool, groups, [&](int i) { write(group_of(i), partial + i * pieces * both); });
}

}  // namespace liuli
