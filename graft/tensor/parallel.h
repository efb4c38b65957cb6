#pragma once

#include <cstdint>
#include <functional>

namespace graft {

/// Runs `body(begin, end)` over parts of [0, n) on the threads that LibTorch's own kernels use, and
/// waits; the first exception is rethrown. (at::parallel_for only does so in code compiled with
/// OpenMP, and clang's OpenMP would start a second set of threads.) Which thread runs a part is not
/// fixed: a result must not depend on it.
void parallel_for(int64_t n, const std::function<void(int64_t begin, int64_t end)>& body);

}  // namespace graft
