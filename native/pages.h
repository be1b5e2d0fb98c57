// Large pages for large results: XLA takes fresh memory for every call, and a page fault for each 4 KB of it costs more than
// what is written there.
#pragma once
#include <cstddef>
#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace liuli {

// Asks that the memory around `bytes` at p comes in pages of 2 MB, where it is not there yet. Only a hint: nothing depends on it.
inline void in_large_pages([[maybe_unused]] void* p, [[maybe_unused]] size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr uintptr_t LARGE = 1 << 21;
  if (bytes < LARGE / 2) return;
  const uintptr_t begin = reinterpret_cast<uintptr_t>(p) & ~(LARGE - 1);
  const uintptr_t end = (reinterpret_cast<uintptr_t>(p) + bytes + LARGE - 1) & ~(LARGE - 1);
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace liuli
