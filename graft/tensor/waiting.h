#pragma once

namespace graft {

/// Threads of one product wait for each other by spinning, which is fastest while every one has a
/// core. Beside busy neighbours a thread spins away the very core that the one it waits for needs:
/// a forward pass then takes three times as long. From the first call on, a thread of its own
/// watches core_contention() and lets them sleep after a moment instead, as long as the cores are
/// shared. Results do not depend on it. Does nothing where torch uses another OpenMP than GNU's.
void watch_neighbours();

}  // namespace graft
