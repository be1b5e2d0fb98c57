// What XLA calls for LSTM, GRU and SimpleRNN. An array of one element stands for one that is not wanted.
#include "recurrent_back.h"

#include "handler.h"
#include "pages.h"

namespace liuli {

static void in_large_pages(OutFloats& a) { in_large_pages(a->typed_data(), a->size_bytes()); }

// x: (batch, steps, inputs)   start: (states, batch, units)   mask: (batch, steps)
template <class Cell>
ffi::Error forward(ffi::ThreadPool pool, Floats x, Floats kernel, Floats recurrent, Floats bias, Floats start, Bytes mask,
                   int32_t masked, int32_t sequences, int32_t keep, OutFloats ys, OutFloats last, OutFloats z,
                   OutFloats kept, OutFloats rest) {
  for (OutFloats* a : {&ys, &z, &kept, &rest}) in_large_pages(*a);
  Recurrence r{size(x, 0), size(x, 1), size(x, 2), size(start, 2)};
  recurrent_forward<Cell>(pool, r, {x.typed_data(), kernel.typed_data(), recurrent.typed_data(), bias.typed_data(),
                                    start.typed_data(), masked ? mask.typed_data() : nullptr,
                                    sequences ? ys->typed_data() : nullptr, last->typed_data(), keep ? z->typed_data() : nullptr,
                                    keep ? kept->typed_data() : nullptr, rest->typed_data()});
  return ffi::Error::Success();
}

// The first argument is what the forward call kept: the gradients of the gates, which lie in the same place, begin as it.
// z: (steps, batch, inputs + wide)   recurrent: (units, gates units)
template <class Cell>
ffi::Error backward(ffi::ThreadPool pool, Floats, Floats rest, Floats z, Floats recurrent, Floats dys, Floats dlast, Bytes mask,
                    int32_t masked, int32_t sequences, OutFloats gates, OutFloats dstart, OutFloats dkernel, OutFloats drecurrent,
                    OutFloats dbias) {
  Recurrence r{size(z, 1), size(z, 0), size(z, 2), size(recurrent, 0)};
  r.inputs -= r.wide();
  recurrent_backward<Cell>(pool, r, {z.typed_data(), rest.typed_data(), recurrent.typed_data(), sequences ? dys.typed_data() : nullptr,
                                     dlast.typed_data(), masked ? mask.typed_data() : nullptr, gates->typed_data(), dstart->typed_data(),
                                     dkernel->typed_data(), drecurrent->typed_data(), dbias->typed_data()});
  return ffi::Error::Success();
}

// gates: (steps, batch, gates wide)   kernel: (inputs, gates units)
template <class Cell>
ffi::Error inputs(ffi::ThreadPool pool, Floats gates, Floats kernel, OutFloats dx) {
  Recurrence r{size(gates, 1), size(gates, 0), size(kernel, 0), size(kernel, 1) / x_gates<Cell>()};
  recurrent_inputs<Cell>(pool, r, gates.typed_data(), kernel.typed_data(), dx->typed_data());
  return ffi::Error::Success();
}

#define CELL(name, Cell)                                                                                               \
  HANDLER(name##_forward, forward<Cell>,                                                                               \
          .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Bytes>().Attr<int32_t>("masked")  \
              .Attr<int32_t>("sequences").Attr<int32_t>("keep").Ret<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>() \
              .Ret<Floats>());                                                                                         \
  HANDLER(name##_backward, backward<Cell>,                                                                             \
          .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Bytes>()            \
              .Attr<int32_t>("masked").Attr<int32_t>("sequences").Ret<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>()); \
  HANDLER(name##_inputs, inputs<Cell>, .Arg<Floats>().Arg<Floats>().Ret<Floats>())

CELL(lstm, Lstm);
CELL(gru, Gru);
CELL(simple_rnn, SimpleRnn);

}  // namespace liuli
