#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "graft/image/image.h"

namespace graft::data {

/// What tells pictures apart in `graft check`.
struct Fingerprint {
  /// Of all pixels and the size: equal only for equal pictures (128 bits, no attack is defended
  /// against).
  std::array<uint64_t, 2> exact{};
  /// Difference hash in both directions: whether each cell of a 9 x 8 (8 x 9) grid is darker than
  /// the next one. Scaled and recompressed copies differ in few bits. (Krawetz 2013, "Kind of like
  /// that": dHash.)
  std::array<uint64_t, 2> look{};
  int visible = 0;  ///< of the 128 steps between cells, those of three grey levels and more

  bool operator==(const Fingerprint&) const = default;
};

Fingerprint fingerprint(const image::Image& picture);

/// Bits in which the looks differ, of 128.
int look_distance(const Fingerprint& a, const Fingerprint& b);

/// All pairs (a < b) of pictures that are not exactly equal and whose looks differ in at most one
/// of 32 visible steps (kAlikeBits at most, of the picture with fewer of them); sorted. Pictures
/// with less than 32 visible steps, nearly empty ones, are alike to nothing. Work grows with the
/// number of pictures, not of pairs: two that differ in 4 bits agree wholly in one of 5 groups of
/// bits, and of those that agree each is compared with kNeighbours others only.
std::vector<std::pair<int64_t, int64_t>> look_alikes(const std::vector<Fingerprint>& prints);
inline constexpr int kAlikeBits = 4;
inline constexpr size_t kNeighbours = 500;

/// Pictures that pairs connect, directly or through others: groups of two and more, sorted.
std::vector<std::vector<int64_t>> connect(const std::vector<std::pair<int64_t, int64_t>>& pairs);

}  // namespace graft::data
