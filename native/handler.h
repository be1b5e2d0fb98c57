// What the files that XLA calls have in common: short names of its types, and how a handler is declared.
#pragma once
#include "xla/ffi/api/ffi.h"

namespace liuli {

namespace ffi = xla::ffi;
using Floats = ffi::Buffer<ffi::F32>;
using Bytes = ffi::Buffer<ffi::U8>;
using OutFloats = ffi::ResultBuffer<ffi::F32>;
using OutBytes = ffi::ResultBuffer<ffi::U8>;
using Ints = ffi::Span<const int32_t>;

inline int size(const Floats& a, int axis) { return static_cast<int>(a.dimensions()[axis]); }

}  // namespace liuli

// The symbol liuli_NAME, with all the threads of XLA's pool: HANDLER(name, function, .Arg<...>()...)
#define HANDLER(name, function, ...)                                                                       \
  extern "C" __attribute__((visibility("default"))) XLA_FFI_Error* liuli_##name(XLA_FFI_CallFrame* frame); \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(liuli_##name, function,                                                    \
                                xla::ffi::Ffi::Bind().Ctx<xla::ffi::ThreadPool>() __VA_ARGS__)
