#pragma once

namespace graft {

/// Vector instructions that loops are compiled for (cmake: graft_simd), least first.
enum class Simd { baseline, avx2, avx512 };

/// The highest level that this processor has.
Simd simd_level();

}  // namespace graft

// What a file of graft_simd defines once for each level, in a namespace of its own: declared, at
// namespace scope, and the one of a level.
#if defined(__x86_64__)
#define GRAFT_SIMD_DECLARE(type, name) \
  namespace baseline {                 \
  extern const type name;              \
  }                                    \
  namespace avx2 {                     \
  extern const type name;              \
  }                                    \
  namespace avx512 {                   \
  extern const type name;              \
  }
#define GRAFT_SIMD_PICK(level, name)               \
  ((level) == ::graft::Simd::avx512 ? avx512::name \
   : (level) == ::graft::Simd::avx2 ? avx2::name   \
                                    : baseline::name)
#else
#define GRAFT_SIMD_DECLARE(type, name) \
  namespace baseline {                 \
  extern const type name;              \
  }
#define GRAFT_SIMD_PICK(level, name) (static_cast<void>(level), baseline::name)
#endif
