// What XLA calls for a step of Adam.
#include "adam.h"

#include <cstring>

#include "handler.h"

namespace liuli {

// rates: as many floats as Rates has   w, m, v: made in the place of what they were
static ffi::Error step(ffi::ThreadPool pool, Floats rates, Floats g, Floats, Floats, Floats, OutFloats w, OutFloats m, OutFloats v) {
  Rates r;
  if (rates.size_bytes() != sizeof(r)) return ffi::Error::InvalidArgument("rates");
  std::memcpy(&r, rates.typed_data(), sizeof(r));
  adam(pool, g.element_count(), r, g.typed_data(), w->typed_data(), m->typed_data(), v->typed_data());
  return ffi::Error::Success();
}

HANDLER(adam, step, .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>());

}  // namespace liuli
