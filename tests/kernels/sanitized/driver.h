// What the sanitizers run: every kernel on random sizes, in buffers that end where the arrays end, on threads of our own.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <queue>
#include <random>
#include <thread>
#include <vector>

namespace liuli {

// The interface of XLA's pool, on threads that the thread sanitizer sees.
class Threads {
 public:
  explicit Threads(int n) {
    for (int i = 0; i < n; i++) threads_.emplace_back([this] { run(); });
  }
  ~Threads() {
    {
      std::lock_guard lock(mutex_);
      over_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  int64_t num_threads() const { return static_cast<int64_t>(threads_.size()); }
  void Schedule(std::function<void()> task) {
    {
      std::lock_guard lock(mutex_);
      tasks_.push(std::move(task));
    }
    wake_.notify_one();
  }

 private:
  void run() {
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return over_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop();
      }
      task();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::queue<std::function<void()>> tasks_;
  bool over_ = false;
  std::vector<std::thread> threads_;
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int operator()(int least, int most) { return std::uniform_int_distribution<int>(least, most)(engine_); }
  bool coin() { return (*this)(0, 1) == 1; }

  // Arrays of exactly n elements, each in an allocation of its own; they live as long as this.
  float* floats(size_t n) {
    auto& made = floats_.emplace_back(new float[n]);
    for (size_t i = 0; i < n; i++) made[i] = static_cast<int32_t>(engine_()) * 0x1p-30f;  // between -2 and 2
    return made.get();
  }
  uint8_t* bytes(size_t n) {
    auto& made = bytes_.emplace_back(new uint8_t[n]);
    for (size_t i = 0; i < n; i++) made[i] = static_cast<uint8_t>((*this)(0, 1));
    return made.get();
  }

 private:
  std::mt19937 engine_;
  std::vector<std::unique_ptr<float[]>> floats_;
  std::vector<std::unique_ptr<uint8_t[]>> bytes_;
};

}  // namespace liuli
