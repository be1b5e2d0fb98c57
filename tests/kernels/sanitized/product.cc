#include "../../../native/product.h"

#include "driver.h"

int main() {
  liuli::Threads pool(3);
  for (unsigned seed = 0; seed < 60; seed++) {
    liuli::Random random(seed);
    int m = random(1, 80), n = random(1, 70), k = random(1, 520);
    bool turned_a = random.coin(), turned_b = random.coin();
    const float *a = random.floats(static_cast<size_t>(m) * k), *b = random.floats(static_cast<size_t>(k) * n);
    liuli::product(pool, {m, n, k}, turned_a ? liuli::Matrix{a, 1, m} : liuli::Matrix{a, k, 1},
                   turned_b ? liuli::Matrix{b, 1, k} : liuli::Matrix{b, n, 1}, random.floats(static_cast<size_t>(m) * n),
                   {random.coin() ? random.floats(n) : nullptr, 0.f, random.coin() ? random.floats(n) : nullptr});
  }
}
