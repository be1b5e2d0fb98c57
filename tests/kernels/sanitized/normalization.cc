#include "../../../native/normalization.h"

#include "driver.h"

int main() {
  liuli::Threads pool(3);
  for (unsigned seed = 0; seed < 20; seed++) {
    liuli::Random random(seed);
    int rows = random(1, 120), n = random(1, 70);
    size_t all = static_cast<size_t>(rows) * n;
    float *x = random.floats(all), *gamma = random.floats(n), *mean = random.floats(rows), *part = random.floats(rows);
    liuli::normalization_forward(pool, rows, n, {x, gamma, random.floats(n), 1e-3f, random.floats(all), mean, part});
    liuli::normalization_backward(pool, rows, n, {x, gamma, mean, part, random.floats(all), random.floats(all), random.floats(n),
                                                  random.floats(n), random.floats(1)});
  }
}
