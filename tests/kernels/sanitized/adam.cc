#include "../../../native/adam.h"

#include "driver.h"

int main() {
  liuli::Threads pool(3);
  for (unsigned seed = 0; seed < 20; seed++) {
    liuli::Random random(seed);
    size_t n = random(1, 200000);
    liuli::Rates rates{0.9f, 0.1f, 0.999f, 0.001f, 10.f, 1000.f, 1e-7f, 0.1f, 0.01f};
    float *w = random.floats(n), *m = random.floats(n), *v = random.floats(n);
    for (size_t i = 0; i < n; i++) v[i] *= v[i];
    liuli::adam(pool, n, rates, random.floats(n), w, m, v);
  }
}
