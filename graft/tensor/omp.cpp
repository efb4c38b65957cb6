#include "graft/tensor/omp.h"

#include <dlfcn.h>

namespace graft {

OmpParallel omp_parallel() {
  static const auto kFound = reinterpret_cast<OmpParallel>(::dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  return kFound;
}

}  // namespace graft
