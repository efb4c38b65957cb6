#include "graft/tensor/parallel.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <exception>

#include "graft/tensor/omp.h"

namespace graft {
namespace {

struct Parts {
  const std::function<void(int64_t, int64_t)>* body;
  int64_t n, parts;
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;
};

void run_parts(void* data) {
  Parts& p = *static_cast<Parts*>(data);
  for (int64_t part = p.next++; part < p.parts; part = p.next++) {
    try {
      (*p.body)(p.n* part / p.parts, p.n * (part + 1) / p.parts);
    } catch (...) {
      if (!p.failed.exchange(true)) p.error = std::current_exception();
    }
  }
}

}  // namespace

void parallel_for(int64_t n, const std::function<void(int64_t, int64_t)>& body) {
  if (n <= 0) return;
  const int64_t threads = std::min<int64_t>(n, at::get_num_threads());
  const OmpParallel parallel = omp_parallel();
  if (threads <= 1 || at::in_parallel_region() || !parallel) {
    body(0, n);
    return;
  }
  Parts parts{&body, n, threads, {}, {}, {}};
  parallel(run_parts, &parts, static_cast<unsigned>(threads), 0);
  if (parts.error) std::rethrow_exception(parts.error);
}

}  // namespace graft
