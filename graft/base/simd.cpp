#include "graft/base/simd.h"

namespace graft {

Simd simd_level() {
#if defined(__x86_64__)
  static const Simd level = [] {
    __builtin_cpu_init();
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return avx512 ? Simd::avx512 : avx2 ? Simd::avx2 : Simd::baseline;
  }();
  return level;
#else
  return Simd::baseline;
#endif
}

}  // namespace graft
