#include "../../../native/gelu.h"

#include "driver.h"

int main() {
  liuli::Threads pool(3);
  for (unsigned seed = 0; seed < 20; seed++) {
    liuli::Random random(seed);
    size_t n = random(1, 20000);
    liuli::gelu_forward(pool, n, random.floats(n), random.floats(n), random.coin() ? random.floats(n) : nullptr);
  }
}
