// What XLA calls have in common for dense and depthwise convolutions: an array of one element stands for one not wanted.
#pragma once
#include "convolution_axes.h"
#include "handler.h"
#include "pages.h"

namespace liuli {

// x: (batch, rows, columns, channels)   w: (rows, columns, channels / groups, filters)
struct Call {
  Ints strides, dilation, before, outputs;
  int32_t groups, relu, pool;
  template <class X, class K>
  Convolution sizes(const X& x, const K& w) const {
    auto axis = [&](int i) {
      return Axis{static_cast<int>(x[1 + i]), outputs[i], static_cast<int>(w[i]), strides[i], dilation[i], before[i]};
    };
    return {static_cast<int>(x[0]), static_cast<int>(w[2]), static_cast<int>(w[3]) / groups, groups, axis(0), axis(1), relu != 0, pool != 0};
  }
};

}  // namespace liuli

#define CONVOLUTION_ATTRIBUTES                                                                                      \
  .Attr<Ints>("strides").Attr<Ints>("dilation").Attr<Ints>("before").Attr<Ints>("windows").Attr<int32_t>("groups") \
      .Attr<int32_t>("relu").Attr<int32_t>("pool")

// The three calls of a family: NAME_forward, NAME_input (the gradient in x), NAME_kernel (those in w and the bias).
#define CONVOLUTION(name)                                                                                              \
  static ffi::Error name##_forward_call(ffi::ThreadPool pool, Floats x, Floats w, Floats bias, Ints s, Ints d, Ints b, \
                                        Ints o, int32_t g, int32_t r, int32_t p, OutFloats y, OutBytes where) {        \
    Convolution c = Call{s, d, b, o, g, r, p}.sizes(x.dimensions(), w.dimensions());                                   \
    uint8_t* kept = where->element_count() == y->element_count() ? where->typed_data() : nullptr;                      \
    in_large_pages(y->typed_data(), y->size_bytes());                                                                  \
    name##_forward(pool, c, {x.typed_data(), w.typed_data(), bias.typed_data(), y->typed_data(), kept});               \
    return ffi::Error::Success();                                                                                      \
  }                                                                                                                    \
  static ffi::Error name##_input_call(ffi::ThreadPool pool, Floats w, Floats dy, Floats y, Bytes where, Ints s, Ints d, \
                                      Ints b, Ints o, int32_t g, int32_t r, int32_t p, OutFloats dx) {                 \
    Convolution c = Call{s, d, b, o, g, r, p}.sizes(dx->dimensions(), w.dimensions());                                 \
    in_large_pages(dx->typed_data(), dx->size_bytes());                                                                \
    name##_input(pool, c, Gradient{dy.typed_data(), y.typed_data(), where.typed_data(), &c}, w.typed_data(),           \
                 dx->typed_data());                                                                                    \
    return ffi::Error::Success();                                                                                      \
  }                                                                                                                    \
  static ffi::Error name##_kernel_call(ffi::ThreadPool pool, Floats x, Floats dy, Floats y, Bytes where, Ints s, Ints d, \
                                       Ints b, Ints o, int32_t g, int32_t r, int32_t p, OutFloats dw, OutFloats db) {  \
    Convolution c = Call{s, d, b, o, g, r, p}.sizes(x.dimensions(), dw->dimensions());                                 \
    name##_kernel(pool, c, Gradient{dy.typed_data(), y.typed_data(), where.typed_data(), &c}, x.typed_data(),          \
                  dw->typed_data(), db->typed_data());                                                                 \
    return ffi::Error::Success();                                                                                      \
  }                                                                                                                    \
  HANDLER(name##_forward, name##_forward_call,                                                                         \
          .Arg<Floats>().Arg<Floats>().Arg<Floats>() CONVOLUTION_ATTRIBUTES.Ret<Floats>().Ret<Bytes>());               \
  HANDLER(name##_input, name##_input_call,                                                                             \
          .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Bytes>() CONVOLUTION_ATTRIBUTES.Ret<Floats>());               \
  HANDLER(name##_kernel, name##_kernel_call,                                                                           \
          .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Bytes>() CONVOLUTION_ATTRIBUTES.Ret<Floats>().Ret<Floats>())
