#include "../../../native/batch_normalization.h"

#include "driver.h"

int main() {
  liuli::Threads pool(3);
  for (unsigned seed = 0; seed < 24; seed++) {
    liuli::Random random(seed);
    int rows = random(1, seed % 2 ? 40 : 3000), n = random(1, seed % 2 ? 700 : 40);
    size_t all = static_cast<size_t>(rows) * n;
    bool relu = random.coin(), add = random.coin();
    float *x = random.floats(all), *gamma = random.floats(n), *y = random.floats(all);
    float *mean = random.floats(n), *variance = random.floats(n), *r = add ? random.floats(all) : nullptr;
    liuli::batch_normalization_forward(pool, rows, n, {x, gamma, random.floats(n), 1e-3f, r, relu, y, mean, variance});
    liuli::batch_normalization_backward(
        pool, rows, n,
        {x, gamma, mean, variance, 1e-3f, relu ? y : nullptr, random.floats(all), random.floats(n), random.floats(n),
         random.floats(all), random.floats(n), random.floats(n), add && relu ? random.floats(all) : nullptr});
  }
}
