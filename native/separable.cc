// What XLA calls for separable convolutions.
#include "separable.h"

#include "convolution_calls.h"

namespace liuli {

// x: (batch, rows, columns, channels)   d: (rows, columns, 1, channels)   p: (channels, filters)
template <class X>
Separable sizes(const Call& call, const X& x, const Floats& d, const Floats& p) {
  return {call.sizes(x.dimensions(), d.dimensions()), size(p, 1)};
}

static ffi::Error forward(ffi::ThreadPool pool, Floats x, Floats d, Floats p, Floats bias, Ints s, Ints e, Ints b, Ints o, int32_t g,
                          int32_t relu, int32_t pooled, OutFloats y) {
  in_large_pages(y->typed_data(), y->size_bytes());
  separable_forward(pool, sizes(Call{s, e, b, o, g, relu, pooled}, x, d, p),
                    {x.typed_data(), d.typed_data(), p.typed_data(), bias.typed_data(), y->typed_data()});
  return ffi::Error::Success();
}

static ffi::Error backward(ffi::ThreadPool pool, Floats x, Floats d, Floats p, Floats dy, Floats y, Ints s, Ints e, Ints b, Ints o,
                           int32_t g, int32_t relu, int32_t pooled, OutFloats dx, OutFloats dd, OutFloats dp, OutFloats db) {
  in_large_pages(dx->typed_data(), dx->size_bytes());
  Separable all = sizes(Call{s, e, b, o, g, relu, pooled}, x, d, p);
  const Convolution one = dense(all.c, all.filters);
  separable_backward(pool, all, {x.typed_data(), d.typed_data(), p.typed_data(), Gradient{dy.typed_data(), y.typed_data(), nullptr, &one},
                                 dx->typed_data(), dd->typed_data(), dp->typed_data(), db->typed_data()});
  return ffi::Error::Success();
}

HANDLER(separable_forward, forward,
        .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>() CONVOLUTION_ATTRIBUTES.Ret<Floats>());
HANDLER(separable_backward, backward,
        .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>() CONVOLUTION_ATTRIBUTES.Ret<Floats>().Ret<Floats>()
            .Ret<Floats>().Ret<Floats>());

}  // namespace liuli
