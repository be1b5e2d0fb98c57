// Work in parallel on a pool of threads, and memory that each thread keeps.
// A pool is anything with num_threads() and Schedule(function): XLA's own, or that of the sanitizer's driver.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <thread>

namespace liuli {

// f(i) for i in 0 .. n - 1, in any order; the caller works too, so it never waits for a task that has not begun.
template <class Pool, class F>
void parallel_for(Pool& pool, int n, F&& f) {
  int threads = std::min<int>(n, static_cast<int>(pool.num_threads()));
  if (threads <= 1) {
    for (int i = 0; i < n; i++) f(i);
    return;
  }
  struct Shared {
    std::atomic<int> next{0}, done{0};
    int n;
    std::remove_reference_t<F>* f;
  };
  auto shared = std::make_shared<Shared>();
  shared->n = n;
  shared->f = &f;
  auto work = [shared] {
    for (int i; (i = shared->next.fetch_add(1, std::memory_order_relaxed)) < shared->n;) {
      (*shared->f)(i);
      shared->done.fetch_add(1, std::memory_order_release);
    }
  };
  for (int t = 1; t < threads; t++) pool.Schedule([work] { work(); });
  work();
  for (int spins = 0; shared->done.load(std::memory_order_acquire) < n; spins++) {
    if (spins > 2000) std::this_thread::yield();
  }
}

// The part of 0 .. n - 1 that is piece i of `pieces` equal ones.
struct Part {
  int begin, end;
  Part(int n, int i, int pieces)
      : begin(static_cast<int>(static_cast<int64_t>(n) * i / pieces)),
        end(static_cast<int>(static_cast<int64_t>(n) * (i + 1) / pieces)) {}
};

// Floats on a cache line's boundary; grows, never shrinks.
class Scratch {
 public:
  float* get(size_t n) {
    if (n > size_) {
      std::free(floats_);
      size_ = 0;
      floats_ = static_cast<float*>(std::aligned_alloc(64, (n * sizeof(float) + 127) / 64 * 64));
      if (floats_ == nullptr) throw std::bad_alloc();
      size_ = n;
    }
    return floats_;
  }
  ~Scratch() { std::free(floats_); }

 private:
  float* floats_ = nullptr;
  size_t size_ = 0;
};

// Memory of the calling thread; each Use is a block of its own. What was written stays until the next call of that Use.
enum class Use { packed, packed_too, task, task_too, task_three, partial, partial_too };
template <Use use>
float* scratch(size_t n) {
  static thread_local Scratch mine;
  return mine.get(n);
}

}  // namespace liuli
