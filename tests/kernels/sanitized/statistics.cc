#include "../../../native/statistics.h"

#include "driver.h"

int main() {
  liuli::Threads pool(3);
  for (unsigned seed = 0; seed < 12; seed++) {
    liuli::Random random(seed);
    size_t n = random(1, 120000);
    float found[12];
    liuli::squares(pool, n, random.floats(n), found);
    std::vector<liuli::Parameter> parameters;
    for (int p = 0; p < 3; p++) {
      size_t m = p ? random(1, 90000) : random(1, 9);
      parameters.push_back({static_cast<int64_t>(m), random.floats(m), random.floats(m), random.floats(m), random.floats(m)});
    }
    liuli::lengths(pool, parameters, found);
    int rows = random(1, 3000), units = random(1, 70);
    liuli::summary(pool, rows, units, random.floats(rows * units), -0.9f, 0.9f, found, random.floats(units));
  }
}
