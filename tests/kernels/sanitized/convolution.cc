#include "../../../native/separable.h"
#include "../../../native/winograd_passes.h"
#include "driver.h"

namespace liuli {

Axis axis(Random& random, bool pool) {
  int taps = random(1, 4), stride = pool ? 1 : random(1, 3), apart = random(1, 2), before = random(0, taps - 1);
  int in = (taps - 1) * apart + 1 + random(pool, 12);
  int out = (in + before - (taps - 1) * apart - 1) / stride + 1;
  return {in, pool ? out / 2 * 2 : out, taps, stride, apart, before};
}

Convolution any(Random& random, bool depthwise) {
  bool pooled = !depthwise && random.coin();
  int groups = depthwise ? random(1, 40) : random(1, 3);
  return {random(1, 5), depthwise ? 1 : random(1, 20), depthwise ? 1 : random(1, 40), groups, axis(random, pooled),
          axis(random, pooled), random.coin(), pooled};
}

Convolution three_by_three(Random& random) {
  bool pooled = random.coin();
  auto three = [&] {
    int in = random(3 + pooled, 20), before = random(0, 2), out = in + before - 2;
    return Axis{in, pooled ? out / 2 * 2 : out, 3, 1, 1, before};
  };
  return {random(1, 20), random(8, 20), random(8, 40), random(1, 2), three(), three(), random.coin(), pooled};
}

void mix(Threads& pool, Random& random) {
  Convolution c{random(1, 5), 1, 1, random(1, 40), axis(random, false), axis(random, false), random.coin(), false};
  Separable s{c, random(1, 40)};
  const Convolution one = dense(c, s.filters);
  const size_t x = static_cast<size_t>(c.batch) * c.rows.in * c.columns.in * c.groups, d = static_cast<size_t>(c.taps()) * c.groups;
  const size_t y = static_cast<size_t>(c.batch) * c.rows.out * c.columns.out * s.filters, p = static_cast<size_t>(c.groups) * s.filters;
  float *xs = random.floats(x), *ds = random.floats(d), *ps = random.floats(p), *ys = random.floats(y);
  separable_forward(pool, s, {xs, ds, ps, random.floats(s.filters), ys});
  separable_backward(pool, s, {xs, ds, ps, {random.floats(y), ys, nullptr, &one}, random.floats(x), random.floats(d), random.floats(p), random.floats(s.filters)});
}

void drive(Threads& pool, Random& random, const Convolution& c, bool depthwise) {
  const bool pooled = c.pool;
  size_t x = static_cast<size_t>(c.batch) * c.rows.in * c.columns.in * c.inside(), w = static_cast<size_t>(c.taps()) * c.channels * c.outside();
  size_t y = static_cast<size_t>(c.batch) * (c.rows.out / c.scale()) * (c.columns.out / c.scale()) * c.outside();
  float *xs = random.floats(x), *ws = random.floats(w), *ys = random.floats(y);
  uint8_t* where = random.bytes(pooled ? y : 1);
  ConvolutionArrays arrays{xs, ws, random.floats(c.outside()), ys, pooled ? where : nullptr};
  Gradient g{random.floats(y), ys, where, &c};
  float *dx = random.floats(x), *dw = random.floats(w), *db = random.floats(c.outside());
  if (depthwise) {
    depthwise_forward(pool, c, arrays);
    depthwise_input(pool, c, g, ws, dx);
    depthwise_kernel(pool, c, g, xs, dw, db);
  } else {
    convolution_forward(pool, c, arrays);
    convolution_input(pool, c, g, ws, dx);
    convolution_kernel(pool, c, g, xs, dw, db);
  }
}

}  // namespace liuli

int main() {
  liuli::Threads pool(3);
  for (unsigned seed = 0; seed < 60; seed++) {
    liuli::Random random(seed);
    for (bool depthwise : {false, true}) liuli::drive(pool, random, liuli::any(random, depthwise), depthwise);
    liuli::drive(pool, random, liuli::three_by_three(random), false);
    liuli::mix(pool, random);
  }
}
