#include "graft/tensor/waiting.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "graft/base/clock.h"
#include "graft/tensor/omp.h"

namespace graft {
namespace {

constexpr double kShared = 2.0, kAlone = 1.4;  // core_contention()
constexpr std::chrono::milliseconds kLook{300};

/// libgomp spins only briefly while it manages more threads than there are cores. This is a team of
/// that many, asleep.
class SleepingTeam {
 public:
  explicit SleepingTeam(OmpParallel parallel)
      : thread_([this, parallel] {
          parallel([](void*) {}, nullptr, static_cast<unsigned>(usable_cores()) + 2, 0);
          std::unique_lock lock(mutex_);
          wake_.wait(lock, [this] { return done_; });
        }) {}
  ~SleepingTeam() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  SleepingTeam(const SleepingTeam&) = delete;
  SleepingTeam& operator=(const SleepingTeam&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool done_ = false;
  std::thread thread_;
};

void look(OmpParallel parallel, std::unique_ptr<SleepingTeam>& team) {
  const double contention = core_contention();
  if (!team && contention > kShared) team = std::make_unique<SleepingTeam>(parallel);
  if (team && contention < kAlone) team.reset();
}

}  // namespace

void watch_neighbours() {
  static std::once_flag once;
  std::call_once(once, [] {
    const OmpParallel parallel = omp_parallel();
    if (!parallel) return;
    auto team = std::make_unique<std::unique_ptr<SleepingTeam>>();
    look(parallel, *team);  // now: the first pass is among the slow ones
    std::thread([parallel, team = std::move(team)] {
      while (true) {
        std::this_thread::sleep_for(kLook);
        look(parallel, *team);
      }
    }).detach();
  });
}

}  // namespace graft
