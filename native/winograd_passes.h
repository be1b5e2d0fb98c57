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
    for (size_t k = 0; k < size; k += W) kernel_to_points(taps + k, size, packed + p * POINTS * size + k, size);
  });
  return packed;
}

// Products of some tiles with 16 filters: to[point][MANY tiles][16]
constexpr int MANY = 24;  // they stay in the first cache
INLINE void multiply_points(const Points& v, int first, int many, int channels, const float* panel, float* to) {
  for (int point = 0; point < POINTS; point++, panel += channels * PANEL, to += MANY * PANEL)
    by_tiles(many, [&](auto rows, int at) __attribute__((always_inline)) {
      vec c[rows][2];
      clear(c);
      multiply<rows, 2>(channels, v.at(point, first + at), v.width, 1, panel, PANEL, c);
      unrolled<rows>(EACH(i) { store(to + (at + i) * PANEL, c[i][0]), store(to + (at + i) * PANEL + W, c[i][1]); });
    });
}

// fill(block, image, first row) makes what tiles see; sink(place, filter, y) takes the 2 x 2 outputs of 8 filters of a tile.
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
      fill(b, shares.image(task) + i, 2 * shares.row(task));
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
            vec y[4];
            to_outputs(products + i * PANEL + half, MANY * PANEL, y);
            zero += ((y[0] + y[1]) + (y[2] + y[3])) * 0.f;
            sink(place, p * PANEL + half, y);
          }
      }
    }
    if (sum(zero) != 0) finite = false;
  });
  return finite;
}

// 2 x 2 pixels of an image of rows x columns, n floats of each.
INLINE void store_tile(const Place& at, int rows, int columns, float* image, ptrdiff_t pixel, const vec (&y)[4], int n) {
  const int down = rows - 2 * at.row, right = columns - 2 * at.column;  // to the end of the image
  float* to = image + (static_cast<ptrdiff_t>(2 * at.row) * columns + 2 * at.column) * pixel;
  if (down > 1 && right > 1 && n >= W) {
    unrolled<4>(EACH(i) { store(to + (i / 2 * columns + i % 2) * pixel, y[i]); });
    return;
  }
  unrolled<4>(EACH(i) {
    if (i / 2 < down && i % 2 < right) store(to + (i / 2 * columns + i % 2) * pixel, y[i], n);
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
                          [&](const Place& at, int f, vec (&y)[4]) __attribute__((always_inline)) {
    const int left = c.filters - f;
    const size_t to = at.image * image + group * c.filters + f;
    const vec b = load(bias + f, left);
    unrolled<4>(EACH(i) { y[i] += b; });
    if (c.pool) {
      ivec place;
      const vec largest = largest_of(y, c.relu, place);
      const size_t one = to + (static_cast<size_t>(at.row) * columns + at.column) * pixel;
      store(a.y + one, largest, left);
      if (a.where) store_bytes(a.where + one, place, left);
      return;
    }
    if (c.relu) unrolled<4>(EACH(i) { y[i] = relu(y[i]); });
    store_tile(at, rows, columns, a.y + to, pixel, y, left);
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
                          [&](const Place& at, int f, vec (&y)[4]) __attribute__((always_inline)) {
    store_tile(at, c.rows.in, c.columns.in, dx + at.image * image + group * c.channels + f, pixel, y, c.channels - f);
  });
}

// 2 x 2 gradients of outputs, at the points: for each panel of filters (point, tile, 16)
inline void gradient_to_points(const Blocks& g, const Tiles& t, const Points& z, size_t apart, int first) {
  for (int k = 0; k < g.count(); k++)
    for (int y = 0; y < t.rows; y++)
      for (int x = 0; x < t.columns; x++)
        for (int half = 0; half < PANEL; half += W) {
          const int width = g.width(k);
          const float *top = g.at(k, 2 * y, 2 * x) + half, *bottom = g.at(k, 2 * y + 1, 2 * x) + half;
          from_outputs({load(top), load(top + width), load(bottom), load(bottom + width)},
                       z.at(0, first + y * t.columns + x) + k * apart + half, z.step());
        }
}

// Adds products of all tiles of a task to the gradient at the points: for each panel (point, channels, 16), and of the bias.
inline void add_points(const Points& v, const Points& z, size_t apart, int channels, int filters, float* du, float* db) {
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
    for (int t = 0; t < z.tiles; t++)
      for (int half = 0; half < PANEL; half += W) {  // point 5 is the sum of a tile's four
        float* to = db + p * PANEL + half;
        store(to, load(to) + load(mine.at(5, t) + half));
      }
  }
}

template <class Pool>
bool points_kernel(Pool& pool, const Convolution& c, const Gradient& g, const float* x, float* dw, float* db, int group) {
  const Shares shares(c.batch, c.rows.out, c.columns.out, c.channels + c.filters, static_cast<int>(pool.num_threads()));
  const size_t panel = static_cast<size_t>(POINTS) * c.channels * PANEL, kernel = panel * panels(c.filters);
  const float* sums = summed(pool, shares.count(), kernel + panels(c.filters) * PANEL, [&](int task, float* mine) {
    const Tiles tiles = shares.tiles(task);
    Blocks seen = seen_by(tiles, c.channels), out{nullptr, c.filters, 2 * tiles.rows, 2 * tiles.columns};
    Points v{nullptr, tiles.count(), whole(c.channels)}, z{nullptr, tiles.count(), PANEL};
    seen.data = scratch<Use::task>(seen.floats() + out.floats());
    out.data = seen.data + seen.floats();
    v.data = scratch<Use::task_too>(v.floats());
    z.data = scratch<Use::task_three>(z.floats() * panels(c.filters));
    for (int i = 0; i < tiles.images; i++) {
      const int n = shares.image(task) + i, first = 2 * shares.row(task);
      fill(seen, x + static_cast<size_t>(n) * c.rows.in * c.columns.in * c.inside() + group * c.channels, c.inside(), c.rows, c.columns,
           first - c.rows.before);
      fill(out, g, n, group, first, 0);
      image_to_points(seen, tiles, v, i * tiles.each());
      gradient_to_points(out, tiles, z, z.floats(), i * tiles.each());
    }
    add_points(v, z, z.floats(), c.channels, c.filters, mine, mine + kernel);
  });
  std::atomic<bool> finite{true};
  parallel_for(pool, panels(c.filters), [&](int p) {
    vec zero{};
    for (int f = p * PANEL; f < std::min(c.filters, (p + 1) * PANEL); f += W) {
      const int left = c.filters - f, column = group * c.filters + f;
      for (int k = 0; k < c.channels; k++)
        kernel_from_points(sums + p * panel + k * PANEL + f % PANEL, c.channels * PANEL, [&](int tap, vec value) {
          zero += where(first(left), value, vec{}) * 0.f;
          store(dw + (static_cast<ptrdiff_t>(tap) * c.channels + k) * c.outside() + column, value, left);
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
