// What XLA calls for large matrix products.
#include "product.h"

#include "handler.h"
#include "pages.h"

namespace liuli {

// a: (m, k), or (k, m) where it is turned   b: (k, n), or (n, k)   bias, sums: (n,), or one element that stands for none
static ffi::Error multiplied(ffi::ThreadPool pool, Floats a, Floats b, Floats bias, int32_t turned_a, int32_t turned_b, int32_t biased,
                             int32_t relu, int32_t summed, OutFloats c, OutFloats sums) {
  const int m = size(a, turned_a), k = size(a, !turned_a), n = size(b, !turned_b);
  Matrix left = turned_a ? Matrix{a.typed_data(), 1, m} : Matrix{a.typed_data(), k, 1};
  Matrix right = turned_b ? Matrix{b.typed_data(), 1, k} : Matrix{b.typed_data(), n, 1};
  Besides besides{biased ? bias.typed_data() : nullptr, relu ? 0.f : Besides().least, summed ? sums->typed_data() : nullptr};
  in_large_pages(c->typed_data(), c->size_bytes());
  product(pool, {m, n, k}, left, right, c->typed_data(), besides);
  return ffi::Error::Success();
}

HANDLER(product, multiplied,
        .Arg<Floats>().Arg<Floats>().Arg<Floats>().Attr<int32_t>("turned_a").Attr<int32_t>("turned_b").Attr<int32_t>("biased")
            .Attr<int32_t>("relu").Attr<int32_t>("summed").Ret<Floats>().Ret<Floats>());

}  // namespace liuli
