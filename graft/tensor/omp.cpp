#include "graft/tensor/omp.h"

#include <dlfcn.h>

namespace graft {

OmpParallel omp_parallel() {
  static const auto found = reinterpret_cast<OmpParallel>(::dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  return found;
}

}  // namespace graft
