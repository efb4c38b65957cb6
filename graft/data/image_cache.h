#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <unordered_map>

#include "graft/data/source.h"
#include "graft/image/image.h"

namespace graft::data {

/// Decoded pictures of one source in bounded memory: what comes first stays, and once the bound is
/// reached nothing more is taken (an epoch visits every picture once, so throwing out the oldest
/// would keep none). Any thread may use it. What is kept is exactly what decoding gives, so results
/// do not depend on it.
class ImageCache {
 public:
  /// Two kinds of content can lie side by side: whole pictures (`kWhole`), or pictures after a
  /// fixed preprocessing (any other number, for instance a hash of its settings).
  static constexpr uint64_t kWhole = 0;

  struct Statistics {
    int64_t hits = 0;
    int64_t misses = 0;
    int64_t entries = 0;
    int64_t bytes = 0;
    int64_t refused = 0;  ///< pictures that did not fit
  };

  ImageCache(std::shared_ptr<const Source> source, int64_t max_bytes);

  const std::shared_ptr<const Source>& source() const { return source_; }
  int64_t max_bytes() const { return max_bytes_; }
  /// The picture, or null; counts as a hit or a miss. `index` is the sample of the source.
  std::shared_ptr<const image::Image> find(int64_t index, uint64_t kind) const;
  /// Keeps the picture if there is room; false when there is none.
  bool offer(int64_t index, uint64_t kind, std::shared_ptr<const image::Image> picture);
  Statistics statistics() const;
  void clear();

 private:
  struct Key {
    int64_t index;
    uint64_t kind;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };

  std::shared_ptr<const Source> source_;
  int64_t max_bytes_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<Key, std::shared_ptr<const image::Image>, KeyHash> pictures_;
  int64_t bytes_ = 0;
  mutable std::atomic<int64_t> hits_{0};
  mutable std::atomic<int64_t> misses_{0};
  std::atomic<int64_t> refused_{0};
};

}  // namespace graft::data
