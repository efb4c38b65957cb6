#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

namespace graft {

/// A fixed set of threads that run tasks in the order they were given. Torch-free: data workers use
/// it.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  /// Waits for the tasks already given.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// The future rethrows what the task throws.
  std::future<void> run(std::function<void()> task);
  /// Calls `body(i)` for i in [0, n) on all threads and waits; the first exception is rethrown.
  void for_each(int64_t n, const std::function<void(int64_t)>& body);
  int size() const { return static_cast<int>(threads_.size()); }

 private:
  void work();

  std::vector<std::thread> threads_;
  std::deque<std::packaged_task<void()>> tasks_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool closing_ = false;
};

}  // namespace graft
