// The three passes of a convolution at its points (winograd.h), and the choice between them and the direct ones.
//
// Inputs that an output does not see cancel in its sums, but not where one is infinite or not a number: if any result is not
// finite, the direct pass makes all of them again.
#pragma once
#include "convolution_back.h"
#include "winograd.h"

namespace liuli {

// The kernel at its points, for each panel of n outputs (point, channels, 16); tap(i, panel, to) packs tap i: (channels, 16).
template <class Pool, class Tap>
const float* pack_points(Pool& pool, int channels, int n, Tap&& tap) {
  const size_t size = static_cast<size_t>(channels) * PANEL;
  float* packed = scratch<Use::packed>(size * POINTS * panels(n));
  parallel_for(pool, panels(n), [&](int p) {
    float* taps = scratch<Use::task>(9 * size);
    for (int i = 0; i < 9; i++) tap(i, p, taps + i * size);
    for (size_t k = 0; k < size; k += W)
      twice(kernel_to_points, [&](int i, int j) { return load(taps + (3 * i + j) * size + k); },
            [&](int i, int j, vec u) { store(packed + (p * POINTS + SEEN * i + j) * size + k, u); });
  });
  return packed;
}

// Products of some tiles with 16 filters: to[point][MANY tiles][16]
constexpr int MANY = 12;  // they stay in the first cache
INLINE void multiply_points(const Points& v, int first, int many, int channels, const float* panel, float* to) {
  for (int point = 0; point < POINTS; point++, panel += channels * PANEL, to += MANY * PANEL)
    by_tiles(many, [&](auto rows, int at) __attribute__((always_inline)) {
      vec c[rows][2];
      clear(c);
      multiply<rows, 2>(channels, v.at(point, first + at), v.width, 1, panel, PANEL, c);
      unrolled<rows>(EACH(i) { store(to + (at + i) * PANEL, c[i][0]), store(to + (at + i) * PANEL + W, c[i][1]); });
    });
}

// fill(block, image, first row) makes what tiles see; sink(place, filter, y) takes the outputs of 8 filters of a tile.
// Whether all of them are finite.
template <class Pool, class Fill, class Sink>
bool correlate_points(Pool& pool, const Shares& shares, int channels, const float* packed, int n, Fill&& fill, Sink&& sink) {
  std::atomic<bool> finite{true};
  parallel_for(pool, shares.count(), [&](int task) {
    const Tiles tiles = shares.tiles(task);
    Blocks b = seen_by(tiles, channels);
    Points v{nullptr, tiles.count(), whole(channels)};
    b.data = scratch<Use::task>(b.floats());
    v.data = scratch<Use::task_too>(v.floats());
    float* products = scratch<Use::task_three>(POINTS * MANY * PANEL);
    for (int i = 0; i < tiles.images; i++) {
      fill(b, shares.image(task) + i, SIDE * shares.row(task));
      image_to_points(b, tiles, v, i * tiles.each());
    }
    vec zero{};
    for (int p = 0; p < panels(n); p++) {
      Place place = shares.first(task);
      for (int first = 0; first < v.tiles; first += MANY) {
        const int many = std::min(MANY, v.tiles - first);
        multiply_points(v, first, many, channels, packed + static_cast<size_t>(p) * POINTS * channels * PANEL, products);
        for (int i = 0; i < many; i++, place.next())
          for (int half = 0; half < PANEL && p * PANEL + half < n; half += W) {
            vec y[SIDE][SIDE], all{};
            twice(to_outputs, [&](int r, int s) { return load(products + ((r * SEEN + s) * MANY + i) * PANEL + half); },
                  [&](int r, int s, vec v) { all += y[r][s] = v; });
            zero += all * 0.f;
            sink(place, p * PANEL + half, y);
          }
      }
    }
    if (sum(zero) != 0) finite = false;
  });
  return finite;
}

// N x N pixels of an image of rows x columns, those that it has: put(pixel in memory, row, column)
template <int N, class Put>
INLINE void each_pixel(const Place& at, int rows, int columns, Put&& put) {
  const int down = rows - N * at.row, right = columns - N * at.column;  // to the end of the image
  const ptrdiff_t corner = static_cast<ptrdiff_t>(N * at.row) * columns + N * at.column;
  if (down >= N && right >= N) return unrolled<N * N>(EACH(i) { put(corner + i / N * columns + i % N, i / N, i % N); });
  unrolled<N * N>(EACH(i) {
    if (i / N < down && i % N < right) put(corner + i / N * columns + i % N, i / N, i % N);
  });
}

// Of one group; whether all outputs are finite.
template <class Pool>
bool points_forward(Pool& pool, const Convolution& c, const ConvolutionArrays& a, int group) {
  const int threads = static_cast<int>(pool.num_threads()), rows = c.rows.out / c.scale(), columns = c.columns.out / c.scale();
  const ptrdiff_t pixel = c.outside(), image = static_cast<ptrdiff_t>(rows) * columns * pixel;
  const float* bias = a.bias + group * c.filters;
  const float* packed = pack_points(pool, c.channels, c.filters, [&](int i, int p, float* to) {
    const float* w = a.w + static_cast<ptrdiff_t>(i) * c.channels * pixel + group * c.filters + p * PANEL;
    pack(to, w, pixel, 1, c.channels, std::min(PANEL, c.filters - p * PANEL));
  });
  auto fill_in = [&](const Blocks& b, int n, int first) {
    const float* x = a.x + static_cast<size_t>(n) * c.rows.in * c.columns.in * c.inside() + group * c.channels;
    fill(b, x, c.inside(), c.rows, c.columns, first - c.rows.before);
  };
  return correlate_points(pool, Shares(c.batch, c.rows.out, c.columns.out, c.channels, threads), c.channels, packed, c.filters, fill_in,
                          [&](const Place& at, int f, vec (&y)[SIDE][SIDE]) __attribute__((always_inline)) {
    const int left = c.filters - f;
    const size_t to = at.image * image + group * c.filters + f;
    const vec b = load(bias + f, left);
    if (c.pool)
      return each_pixel<SIDE / 2>(at, rows, columns, [&](ptrdiff_t pixels, int r, int s) __attribute__((always_inline)) {
        const vec four[] = {y[2 * r][2 * s] + b, y[2 * r][2 * s + 1] + b, y[2 * r + 1][2 * s] + b, y[2 * r + 1][2 * s + 1] + b};
        ivec place;
        store(a.y + to + pixels * pixel, largest_of(four, c.relu, place), left);
        if (a.where) store_bytes(a.where + to + pixels * pixel, place, left);
      });
    each_pixel<SIDE>(at, rows, columns, [&](ptrdiff_t pixels, int r, int s) __attribute__((always_inline)) {
      store(a.y + to + pixels * pixel, c.relu ? relu(y[r][s] + b) : y[r][s] + b, left);
    });
  });
}

template <class Pool>
bool points_input(Pool& pool, const Convolution& c, const Gradient& g, const float* w, float* dx, int group) {
  const ptrdiff_t pixel = c.inside(), image = static_cast<ptrdiff_t>(c.rows.in) * c.columns.in * pixel;
  const float* packed = pack_points(pool, c.filters, c.channels, [&](int i, int p, float* to) {
    const float* from = w + (static_cast<ptrdiff_t>(8 - i) * c.channels + p * PANEL) * c.outside() + group * c.filters;
    pack(to, from, 1, c.outside(), c.filters, std::min(PANEL, c.channels - p * PANEL));
  });
  const Shares shares(c.batch, c.rows.in, c.columns.in, c.filters, static_cast<int>(pool.num_threads()));
  auto fill_in = [&](const Blocks& b, int n, int first) { fill(b, g, n, group, first + c.rows.before - 2, 2 - c.columns.before); };
  return correlate_points(pool, shares, c.filters, packed, c.channels, fill_in,
                          [&](const Place& at, int f, vec (&y)[SIDE][SIDE]) __attribute__((always_inline)) {
    float* to = dx + at.image * image + group * c.channels + f;
    each_pixel<SIDE>(at, c.rows.in, c.columns.in, [&](ptrdiff_t pixels, int r, int s) __attribute__((always_inline)) {
      store(to + pixels * pixel, y[r][s], c.channels - f);
    });
  });
}

// Gradients of outputs, at the points: for each panel of filters (point, tile, 16); added to db, that of the bias.
inline void gradient_to_points(const Blocks& g, const Tiles& t, const Points& z, size_t apart, int first, float* db) {
  for (int k = 0; k < g.count(); k++)
    for (int half = 0; half < PANEL; half += W) {
      const int width = g.width(k);
      vec all = load(db + k * PANEL + half);
      for (int tile = 0; tile < t.each(); tile++) {
        const float* y = g.at(k, tile / t.columns * SIDE, tile % t.columns * SIDE) + half;
        float* to = z.at(0, first + tile) + k * apart + half;
        twice(from_outputs, [&](int i, int j) {
          const vec v = load(y + (i * g.columns + j) * width);
          all += v;
          return v;
        }, [&](int i, int j, vec p) { store(to + (i * SEEN + j) * z.step(), p); });
      }
      store(db + k * PANEL + half, all);
    }
}

// Adds products of all tiles of a task to the gradient at the points: for each panel (point, channels, 16).
inline void add_points(const Points& v, const Points& z, size_t apart, int channels, int filters, float* du) {
  for (int p = 0; p < panels(filters); p++) {
    const Points mine{z.data + p * apart, z.tiles, z.width};
    for (int point = 0; point < POINTS; point++, du += channels * PANEL)
      by_tiles(channels, [&](auto m, int at) __attribute__((always_inline)) {
        vec sums[m][2];
        float* to = du + at * PANEL;
        unrolled<m>(EACH(i) { sums[i][0] = load(to + i * PANEL), sums[i][1] = load(to + i * PANEL + W); });
        multiply<m, 2>(v.tiles, v.at(point, 0) + at, 1, v.width, mine.at(point, 0), PANEL, sums);
        unrolled<m>(EACH(i) { store(to + i * PANEL, sums[i][0]), store(to + i * PANEL + W, sums[i][1]); });
      });
  }
}

template <class Pool>
bool points_kernel(Pool& pool, const Convolution& c, const Gradient& g, const float* x, float* dw, float* db, int group) {
  const Shares shares(c.batch, c.rows.out, c.columns.out, c.channels + c.filters, static_cast<int>(pool.num_threads()));
  const size_t panel = static_cast<size_t>(POINTS) * c.channels * PANEL, kernel = panel * panels(c.filters);
  const float* sums = summed(pool, shares.count(), kernel + panels(c.filters) * PANEL, [&](int task, float* mine) {
    const Tiles tiles = shares.tiles(task);
    Blocks seen = seen_by(tiles, c.channels), out{nullptr, c.filters, SIDE * tiles.rows, SIDE * tiles.columns};
    Points v{nullptr, tiles.count(), whole(c.channels)}, z{nullptr, tiles.count(), PANEL};
    seen.data = scratch<Use::task>(seen.floats() + out.floats());
    out.data = seen.data + seen.floats();
    v.data = scratch<Use::task_too>(v.floats());
    z.data = scratch<Use::task_three>(z.floats() * panels(c.filters));
    for (int i = 0; i < tiles.images; i++) {
      const int n = shares.image(task) + i, first = SIDE * shares.row(task);
      fill(seen, x + static_cast<size_t>(n) * c.rows.in * c.columns.in * c.inside() + group * c.channels, c.inside(), c.rows, c.columns,
           first - c.rows.before);
      fill(out, g, n, group, first, 0);
      image_to_points(seen, tiles, v, i * tiles.each());
      gradient_to_points(out, tiles, z, z.floats(), i * tiles.each(), mine + kernel);
    }
    add_points(v, z, z.floats(), c.channels, c.filters, mine);
  });
  std::atomic<bool> finite{true};
  parallel_for(pool, panels(c.filters), [&](int p) {
    vec zero{};
    for (int f = p * PANEL; f < std::min(c.filters, (p + 1) * PANEL); f += W) {
      const int left = c.filters - f, column = group * c.filters + f;
      for (int k = 0; k < c.channels; k++)
        twice(kernel_from_points, [&](int i, int j) {
          return load(sums + p * panel + ((SEEN * i + j) * c.channels + k) * PANEL + f % PANEL);
        }, [&](int i, int j, vec value) {
          zero += where(first(left), value, vec{}) * 0.f;
          store(dw + (static_cast<ptrdiff_t>(3 * i + j) * c.channels + k) * c.outside() + column, value, left);
        });
      store(db + column, load(sums + kernel + f), left);
    }
    if (sum(zero) != 0) finite = false;
  });
  return finite;
}

// pass(group) for all groups: whether all results are finite
template <class F>
bool all_groups(const Convolution& c, F&& pass) {
  for (int group = 0; group < c.groups; group++)
    if (!pass(group)) return false;
  return true;
}

template <class Pool>
void convolution_forward(Pool& pool, const Convolution& c, const ConvolutionArrays& a) {
  if (!in_points(c) || !all_groups(c, [&](int group) { return points_forward(pool, c, a, group); })) direct_forward(pool, c, a);
}

template <class Pool>
void convolution_input(Pool& pool, const Convolution& c, const Gradient& g, const float* w, float* dx) {
  if (!in_points(c) || !all_groups(c, [&](int group) { return points_input(pool, c, g, w, dx, group); })) direct_input(pool, c, g, w, dx);
}

template <class Pool>
void convolution_kernel(Pool& pool, const Convolution& c, const Gradient& g, const float* x, float* dw, float* db) {
  if (!in_points(c) || !all_groups(c, [&](int group) { return points_kernel(pool, c, g, x, dw, db, group); }))
    direct_kernel(pool, c, g, x, dw, db);
}

}  // namespace liuli
