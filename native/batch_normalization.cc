// What XLA calls for batch normalization. An array of one element stands for one that is not there.
#include "batch_normalization.h"

#include "handler.h"
#include "pages.h"

namespace liuli {

// x, r, y: (rows, n)   gamma, beta, mean, variance: (n,)   epsilon: ()
static ffi::Error forward(ffi::ThreadPool pool, Floats x, Floats gamma, Floats beta, Floats epsilon, Floats r, int32_t relu,
                          int32_t add, OutFloats y, OutFloats mean, OutFloats variance) {
  in_large_pages(y->typed_data(), y->size_bytes());
  batch_normalization_forward(pool, x.dimensions()[0], size(x, 1),
                              {x.typed_data(), gamma.typed_data(), beta.typed_data(), *epsilon.typed_data(),
                               add ? r.typed_data() : nullptr, relu != 0, y->typed_data(), mean->typed_data(),
                               variance->typed_data()});
  return ffi::Error::Success();
}

static ffi::Error backward(ffi::ThreadPool pool, Floats x, Floats gamma, Floats mean, Floats variance, Floats epsilon, Floats y,
                           Floats dy, Floats dmean, Floats dvariance, int32_t relu, int32_t add, OutFloats dx, OutFloats dgamma,
                           OutFloats dbeta, OutFloats dr) {
  in_large_pages(dx->typed_data(), dx->size_bytes());
  in_large_pages(dr->typed_data(), dr->size_bytes());
  batch_normalization_backward(pool, x.dimensions()[0], size(x, 1),
                               {x.typed_data(), gamma.typed_data(), mean.typed_data(), variance.typed_data(),
                                *epsilon.typed_data(), relu ? y.typed_data() : nullptr, dy.typed_data(), dmean.typed_data(),
                                dvariance.typed_data(), dx->typed_data(), dgamma->typed_data(), dbeta->typed_data(),
                                add && relu ? dr->typed_data() : nullptr});
  return ffi::Error::Success();
}

#define WHAT .Attr<int32_t>("relu").Attr<int32_t>("add")
HANDLER(batch_normalization_forward, forward,
        .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>() WHAT.Ret<Floats>().Ret<Floats>().Ret<Floats>());
HANDLER(batch_normalization_backward, backward,
        .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>()
            .Arg<Floats>() WHAT.Ret<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>());

}  // namespace liuli
