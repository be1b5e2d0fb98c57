// What XLA calls for the statistics of probes.
#include "statistics.h"

#include "handler.h"

namespace liuli {

static ffi::Error of_squares(ffi::ThreadPool pool, Floats x, OutFloats found) {
  squares(pool, x.element_count(), x.typed_data(), found->typed_data());
  return ffi::Error::Success();
}

// What is kept lies where w and the gradient before were.
static ffi::Error of_lengths(ffi::ThreadPool pool, ffi::RemainingArgs arrays, OutFloats found, ffi::RemainingRets kept) {
  std::vector<Parameter> parameters;
  for (size_t p = 0; p < kept.size() / 2; p++) {
    auto moved = *arrays.get<Floats>(4 * p + 1), g = *arrays.get<Floats>(4 * p + 2);
    float *w = (*kept.get<Floats>(2 * p))->typed_data(), *before = (*kept.get<Floats>(2 * p + 1))->typed_data();
    parameters.push_back({static_cast<int64_t>(g.element_count()), w, moved.typed_data(), g.typed_data(), before});
  }
  lengths(pool, parameters, found->typed_data());
  return ffi::Error::Success();
}

static ffi::Error of_summary(ffi::ThreadPool pool, Floats x, float low, float high, OutFloats facts, OutFloats active) {
  summary(pool, x.dimensions()[0], size(x, 1), x.typed_data(), low, high, facts->typed_data(), active->typed_data());
  return ffi::Error::Success();
}

HANDLER(squares, of_squares, .Arg<Floats>().Ret<Floats>());
HANDLER(lengths, of_lengths, .RemainingArgs().Ret<Floats>().RemainingRets());
HANDLER(summary, of_summary, .Arg<Floats>().Attr<float>("low").Attr<float>("high").Ret<Floats>().Ret<Floats>());

}  // namespace liuli
