#include "../../../native/attention.h"

#include "driver.h"

namespace liuli {

void drive(Threads& pool, Random& random) {
  int groups = random(1, 3), batch = random(1, 4);
  Attention a{batch, random(1, 40), random(1, 90), groups * random(1, 3), groups, random(1, 20), random(1, 20),
              random.coin(), random.coin() ? random(1, 30) : 0, 0.5f, nullptr, 0, 0, 0};
  if (random.coin()) {  // of each sample, shared by its heads
    a.mask = reinterpret_cast<const bool*>(random.bytes(static_cast<size_t>(batch) * a.queries * a.keys));
    a.mask_sample = static_cast<ptrdiff_t>(a.queries) * a.keys, a.mask_query = a.keys;
  }
  size_t q = static_cast<size_t>(batch) * a.queries * a.heads, k = static_cast<size_t>(batch) * a.keys * groups;
  float *qs = random.floats(q * a.d), *ks = random.floats(k * a.d), *vs = random.floats(k * a.m), *y = random.floats(q * a.m);
  float* sums = random.floats(q);
  attention_forward(pool, a, {qs, ks, vs, y, sums});
  attention_backward(pool, a, {qs, ks, vs, y, sums, random.floats(q * a.m), random.floats(q * a.d), random.floats(k * a.d),
                               random.floats(k * a.m)});
}

}  // namespace liuli

int main() {
  liuli::Threads pool(3);
  for (unsigned seed = 0; seed < 40; seed++) {
    liuli::Random random(seed);
    liuli::drive(pool, random);
  }
}
