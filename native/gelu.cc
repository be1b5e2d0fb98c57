// What XLA calls for GELU.
#include "gelu.h"

#include "handler.h"
#include "pages.h"

namespace liuli {

static ffi::Error forward(ffi::ThreadPool pool, Floats x, int32_t keep, OutFloats y, OutFloats slope) {
  for (auto* made : {&y, &slope}) in_large_pages((*made)->typed_data(), (*made)->size_bytes());
  gelu_forward(pool, x.element_count(), x.typed_data(), y->typed_data(), keep ? slope->typed_data() : nullptr);
  return ffi::Error::Success();
}

HANDLER(gelu, forward, .Arg<Floats>().Attr<int32_t>("keep").Ret<Floats>().Ret<Floats>());

}  // namespace liuli
