// What XLA calls for layer normalization.
#include "normalization.h"

#include "handler.h"
#include "pages.h"

namespace liuli {

// x, y: (rows, n)   gamma, beta: (n,)   epsilon: ()   mean, part: (rows,)
static ffi::Error forward(ffi::ThreadPool pool, Floats x, Floats gamma, Floats beta, Floats epsilon, OutFloats y, OutFloats mean,
                          OutFloats part) {
  in_large_pages(y->typed_data(), y->size_bytes());
  normalization_forward(pool, size(x, 0), size(x, 1), {x.typed_data(), gamma.typed_data(), beta.typed_data(), *epsilon.typed_data(),
                                                       y->typed_data(), mean->typed_data(), part->typed_data()});
  return ffi::Error::Success();
}

static ffi::Error backward(ffi::ThreadPool pool, Floats x, Floats gamma, Floats mean, Floats part, Floats dy, OutFloats dx,
                           OutFloats dgamma, OutFloats dbeta, OutFloats depsilon) {
  in_large_pages(dx->typed_data(), dx->size_bytes());
  normalization_backward(pool, size(x, 0), size(x, 1),
                         {x.typed_data(), gamma.typed_data(), mean.typed_data(), part.typed_data(), dy.typed_data(),
                          dx->typed_data(), dgamma->typed_data(), dbeta->typed_data(), depsilon->typed_data()});
  return ffi::Error::Success();
}

HANDLER(layer_normalization_forward, forward,
        .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>());
HANDLER(layer_normalization_backward, backward,
        .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>()
            .Ret<Floats>());

}  // namespace liuli
