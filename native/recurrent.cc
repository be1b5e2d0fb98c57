// What XLA calls for LSTM, GRU and SimpleRNN. An array of one element stands for one that is not wanted.
#include "recurrent.h"

#include "handler.h"

namespace liuli {

// x: (batch, steps, inputs)   start: (states, batch, units)   mask: (batch, steps)
template <class Cell>
ffi::Error forward(ffi::ThreadPool pool, Floats x, Floats kernel, Floats recurrent, Floats bias, Floats start, Bytes mask,
                   int32_t masked, int32_t sequences, int32_t keep, OutFloats ys, OutFloats last, OutFloats z,
                   OutFloats kept) {
  Recurrence r{size(x, 0), size(x, 1), size(x, 2), size(start, 2)};
  recurrent_forward<Cell>(pool, r, {x.typed_data(), kernel.typed_data(), recurrent.typed_data(), bias.typed_data(),
                                    start.typed_data(), masked ? mask.typed_data() : nullptr,
                                    sequences ? ys->typed_data() : nullptr, last->typed_data(),
                                    keep ? z->typed_data() : nullptr, keep ? kept->typed_data() : nullptr});
  return ffi::Error::Success();
}

// kept: (batch, steps, saved, wide)   recurrent: (units, gates units)
template <class Cell>
ffi::Error backward(ffi::ThreadPool pool, Floats kept, Floats recurrent, Floats dys, Floats dlast, Bytes mask, int32_t masked,
                    int32_t sequences, int32_t inputs, OutFloats dx_gates, OutFloats dh_gates, OutFloats dstart,
                    OutFloats dbias) {
  Recurrence r{size(kept, 0), size(kept, 1), inputs, size(recurrent, 0)};
  bool same = x_gates<Cell>() == h_gates<Cell>() && h_gates<Cell>() == static_cast<int>(Cell::gates.size());
  recurrent_backward<Cell>(pool, r, {kept.typed_data(), recurrent.typed_data(), sequences ? dys.typed_data() : nullptr,
                                     dlast.typed_data(), masked ? mask.typed_data() : nullptr, dx_gates->typed_data(),
                                     same ? dx_gates->typed_data() : dh_gates->typed_data(), dstart->typed_data(),
                                     dbias->typed_data()});
  return ffi::Error::Success();
}

#define CELL(name, Cell)                                                                                               \
  HANDLER(name##_forward, forward<Cell>,                                                                               \
          .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Bytes>().Attr<int32_t>("masked") \
              .Attr<int32_t>("sequences").Attr<int32_t>("keep").Ret<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>()); \
  HANDLER(name##_backward, backward<Cell>,                                                                             \
          .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Bytes>().Attr<int32_t>("masked")               \
              .Attr<int32_t>("sequences").Attr<int32_t>("inputs").Ret<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>())

CELL(lstm, Lstm);
CELL(gru, Gru);
CELL(simple_rnn, SimpleRnn);

}  // namespace liuli
