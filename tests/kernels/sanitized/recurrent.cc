#include "../../../native/recurrent_back.h"

#include "driver.h"

namespace liuli {

template <class Cell>
void drive(Threads& pool, Random& random) {
  constexpr size_t G = Cell::gates.size(), S = Cell::states, K = Cell::saved, X = x_gates<Cell>(), H = h_gates<Cell>();
  Recurrence r{random(1, 40), random(1, 4), random(1, 20), random(1, 40)};
  size_t steps = static_cast<size_t>(r.batch) * r.steps, states = S * r.batch * r.units;
  const uint8_t* mask = random.coin() ? random.bytes(steps) : nullptr;
  float* kernel = random.floats(r.inputs * X * r.units);
  float* recurrent = random.floats(r.units * H * r.units);
  float* z = random.floats(steps * r.row());
  float* kept = random.floats(steps * G * r.wide());
  float* rest = random.floats(steps * (K - G) * r.wide());
  float* ys = random.coin() ? random.floats(steps * r.units) : nullptr;
  recurrent_forward<Cell>(pool, r, {random.floats(steps * r.inputs), kernel, recurrent,
                                    random.floats(G * r.units), random.floats(states), mask, ys, random.floats(states), z, kept, rest});
  recurrent_backward<Cell>(pool, r, {z, rest, recurrent, ys, random.floats(states), mask, kept, random.floats(states),
                                     random.floats(r.inputs * X * r.units), random.floats(r.units * H * r.units),
                                     random.floats(G * r.wide())});
  recurrent_inputs<Cell>(pool, r, kept, kernel, random.floats(steps * r.inputs));
}

}  // namespace liuli

int main() {
  liuli::Threads pool(3);
  for (unsigned seed = 0; seed < 12; seed++) {
    liuli::Random random(seed);
    liuli::drive<liuli::Lstm>(pool, random);
    liuli::drive<liuli::Gru>(pool, random);
    liuli::drive<liuli::SimpleRnn>(pool, random);
  }
}
