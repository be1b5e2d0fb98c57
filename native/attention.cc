// What XLA calls for attention. A mask of one element stands for none.
#include "attention.h"

#include "handler.h"
#include "pages.h"

namespace liuli {

using Truths = ffi::Buffer<ffi::PRED>;

// q: (batch, queries, heads, d)   k: (batch, keys, groups, d)   v: (batch, keys, groups, m)   mask: each axis whole or 1
static Attention attention_of(const Floats& q, const Floats& k, const Floats& v, const Truths& mask, int masked, int causal, int window,
                              float scale) {
  Attention a{size(q, 0), size(q, 1), size(k, 1), size(q, 2), size(k, 2), size(q, 3), size(v, 3),
              causal != 0, window, scale, nullptr, 0, 0, 0};
  if (!masked) return a;
  auto shape = mask.dimensions();
  a.mask = mask.typed_data();
  a.mask_query = shape[2] == 1 ? 0 : shape[3];
  a.mask_head = shape[1] == 1 ? 0 : shape[2] * shape[3];
  a.mask_sample = shape[0] == 1 ? 0 : shape[1] * shape[2] * shape[3];
  return a;
}

static ffi::Error forward(ffi::ThreadPool pool, Floats q, Floats k, Floats v, Truths mask, int32_t masked, int32_t causal,
                          int32_t window, float scale, OutFloats y, OutFloats sums) {
  in_large_pages(y->typed_data(), y->size_bytes());
  attention_forward(pool, attention_of(q, k, v, mask, masked, causal, window, scale),
                    {q.typed_data(), k.typed_data(), v.typed_data(), y->typed_data(), sums->typed_data()});
  return ffi::Error::Success();
}

static ffi::Error backward(ffi::ThreadPool pool, Floats q, Floats k, Floats v, Truths mask, Floats y, Floats sums, Floats dy,
                           int32_t masked, int32_t causal, int32_t window, float scale, OutFloats dq, OutFloats dk, OutFloats dv) {
  for (auto* d : {&dq, &dk, &dv}) in_large_pages((*d)->typed_data(), (*d)->size_bytes());
  attention_backward(pool, attention_of(q, k, v, mask, masked, causal, window, scale),
                     {q.typed_data(), k.typed_data(), v.typed_data(), y.typed_data(), sums.typed_data(), dy.typed_data(),
                      dq->typed_data(), dk->typed_data(), dv->typed_data()});
  return ffi::Error::Success();
}

HANDLER(attention_forward, forward,
        .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Truths>().Attr<int32_t>("masked").Attr<int32_t>("causal")
            .Attr<int32_t>("window").Attr<float>("scale").Ret<Floats>().Ret<Floats>());
HANDLER(attention_backward, backward,
        .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Truths>().Arg<Floats>().Arg<Floats>().Arg<Floats>()
            .Attr<int32_t>("masked").Attr<int32_t>("causal").Attr<int32_t>("window").Attr<float>("scale").Ret<Floats>()
            .Ret<Floats>().Ret<Floats>());

}  // namespace liuli
