#include "graft/base/parallel.h"

#include <algorithm>
#include <atomic>

namespace graft {

ThreadPool::ThreadPool(int threads) {
  threads_.reserve(static_cast<size_t>(std::max(1, threads)));
  for (int i = 0; i < std::max(1, threads); ++i) threads_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

std::future<void> ThreadPool::run(std::function<void()> task) {
  std::packaged_task<void()> packaged(std::move(task));
  auto result = packaged.get_future();
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(packaged));
  }
  wake_.notify_one();
  return result;
}

void ThreadPool::for_each(int64_t n, const std::function<void(int64_t)>& body) {
  std::atomic<int64_t> next{0};
  const int64_t runners = std::min<int64_t>(n, size());
  std::vector<std::future<void>> done;
  done.reserve(static_cast<size_t>(runners));
  for (int64_t i = 0; i < runners; ++i) {
    done.push_back(run([&] {
      for (int64_t item = next++; item < n; item = next++) body(item);
    }));
  }
  for (auto& future : done)
    future.wait();  // all must have left `body` before an exception unwinds it
  for (auto& future : done) future.get();
}

void ThreadPool::work() {
  while (true) {
    std::packaged_task<void()> task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closing_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace graft
