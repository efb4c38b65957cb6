#include "graft/data/fingerprint.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <unordered_map>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/image/resize.h"

namespace graft::data {
namespace {

uint64_t hash_bytes(const std::vector<uint8_t>& bytes, uint64_t start) {
  uint64_t hash = start;
  size_t at = 0;
  for (; at < bytes.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min<size_t>(8, bytes.size() - at));
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL;
    hash ^= hash >> 29;
  }
  return hash;
}

std::vector<int> grey_grid(const image::Image& picture, int width, int height) {
  const image::Image small = image::resize(picture, width, height, image::Filter::box);
  std::vector<int> grey;
  for (size_t i = 0; i < small.pixels.size(); i += 3) {
    grey.push_back(299 * small.pixels[i] + 587 * small.pixels[i + 1] + 114 * small.pixels[i + 2]);
  }
  return grey;
}

}  // namespace

Fingerprint fingerprint(const image::Image& picture) {
  Fingerprint print;
  const uint64_t size =
      hash_key({static_cast<uint64_t>(picture.width), static_cast<uint64_t>(picture.height)});
  print.exact = {hash_bytes(picture.pixels, size), hash_bytes(picture.pixels, ~size)};

  const auto across = grey_grid(picture, 9, 8);
  const auto down = grey_grid(picture, 8, 9);
  constexpr int kVisible = 3000;  // three grey levels
  for (size_t bit = 0; bit < 64; ++bit) {
    const size_t at = bit / 8 * 9 + bit % 8;
    const int right = across[at + 1] - across[at];
    const int below = down[bit + 8] - down[bit];
    print.look[0] |= static_cast<uint64_t>(right > 0) << bit;
    print.look[1] |= static_cast<uint64_t>(below > 0) << bit;
    print.visible += (std::abs(right) >= kVisible) + (std::abs(below) >= kVisible);
  }
  return print;
}

int look_distance(const Fingerprint& a, const Fingerprint& b) {
  return std::popcount(a.look[0] ^ b.look[0]) + std::popcount(a.look[1] ^ b.look[1]);
}

/// Visible steps for one bit of difference.
constexpr int kPerBit = 128 / kAlikeBits;

std::vector<std::pair<int64_t, int64_t>> look_alikes(const std::vector<Fingerprint>& prints) {
  std::vector<std::pair<int64_t, int64_t>> pairs;
  const int groups = kAlikeBits + 1;
  for (int group = 0; group < groups; ++group) {
    // Bits group, group + groups, …: neighbouring cells are alike, so runs of bits would split
    // badly.
    std::array<uint64_t, 2> mask{};
    for (int bit = group; bit < 128; bit += groups)
      mask[static_cast<size_t>(bit / 64)] |= uint64_t{1} << (bit % 64);
    std::unordered_map<uint64_t, std::vector<int64_t>> buckets;
    for (size_t i = 0; i < prints.size(); ++i) {
      if (prints[i].visible < kPerBit) continue;
      buckets[hash_key({prints[i].look[0] & mask[0], prints[i].look[1] & mask[1]})].push_back(
          static_cast<int64_t>(i));
    }
    for (const auto& [key, bucket] : buckets) {
      for (size_t a = 0; a < bucket.size(); ++a) {
        const size_t last = std::min(bucket.size(), a + 1 + kNeighbours);
        for (size_t b = a + 1; b < last; ++b) {
          const Fingerprint& first = prints[static_cast<size_t>(bucket[a])];
          const Fingerprint& second = prints[static_cast<size_t>(bucket[b])];
          const int visible = std::min(first.visible, second.visible);
          if (look_distance(first, second) * kPerBit > visible || first.exact == second.exact)
            continue;
          pairs.emplace_back(bucket[a], bucket[b]);
        }
      }
    }
  }
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  return pairs;
}

std::vector<std::vector<int64_t>> connect(const std::vector<std::pair<int64_t, int64_t>>& pairs) {
  std::map<int64_t, int64_t> parent;
  const auto root = [&](int64_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  };
  for (const auto& [a, b] : pairs) {
    parent.try_emplace(a, a);
    parent.try_emplace(b, b);
    const int64_t first = root(a);
    const int64_t second = root(b);
    parent[std::max(first, second)] = std::min(first, second);
  }
  std::map<int64_t, std::vector<int64_t>> groups;
  for (const auto& [i, unused] : parent) groups[root(i)].push_back(i);
  std::vector<std::vector<int64_t>> sorted;
  sorted.reserve(groups.size());
  for (auto& [first, group] : groups) sorted.push_back(std::move(group));
  return sorted;
}

}  // namespace graft::data
