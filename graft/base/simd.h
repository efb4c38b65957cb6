#pragma once

namespace graft {

/// Vector instructions that loops are compiled for (cmake: graft_simd), least first.
enum class Simd { baseline, avx2, avx512 };

/// The highest level that this processor has.
Simd simd_level();

}  // namespace graft
