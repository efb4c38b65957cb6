#pragma once

namespace graft::train {

/// Asks the running loop to write a checkpoint and end; safe in a signal handler.
void request_stop() noexcept;
bool stop_requested() noexcept;
void clear_stop_request() noexcept;

}  // namespace graft::train
