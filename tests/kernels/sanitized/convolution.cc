#include "../../../native/convolution_back.h"
#include "../../../native/depthwise.h"
#include "driver.h"

namespace liuli {

Axis axis(Random& random, bool pool) {
  int taps = random(1, 4), stride = pool ? 1 : random(1, 3), apart = random(1, 2), before = random(0, taps - 1);
  int in = (taps - 1) * apart + 1 + random(pool, 12);
  int out = (in + before - (taps - 1) * apart - 1) / stride + 1;
  return {in, pool ? out / 2 * 2 : out, taps, stride, apart, before};
}

void drive(Threads& pool, Random& random, bool depthwise) {
  bool pooled = !depthwise && random.coin();
  int groups = depthwise ? random(1, 40) : random(1, 3);
  Convolution c{random(1, 5), depthwise ? 1 : random(1, 20), depthwise ? 1 : random(1, 40), groups, axis(random, pooled),
                axis(random, pooled), random.coin(), pooled};
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
    liuli::drive(pool, random, false);
    liuli::drive(pool, random, true);
  }
}
