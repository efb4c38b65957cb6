#include "graft/train/stop.h"

#include <atomic>

namespace graft::train {
namespace {

std::atomic<bool> requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

void request_stop() noexcept {
  requested.store(true);
}
bool stop_requested() noexcept {
  return requested.load();
}
void clear_stop_request() noexcept {
  requested.store(false);
}

}  // namespace graft::train
