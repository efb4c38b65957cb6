#include "graft/data/image_cache.h"

#include <mutex>
#include <utility>

#include "graft/base/rng.h"

namespace graft::data {
namespace {

/// The pixels and what the map, the control block and the allocator add to them.
int64_t cost_of(const image::Image& picture) {
  constexpr int64_t kOverhead = 192;
  return static_cast<int64_t>(picture.pixels.capacity()) + kOverhead;
}

}  // namespace

ImageCache::ImageCache(std::shared_ptr<const Source> source, int64_t max_bytes)
    : source_(std::move(source)), max_bytes_(max_bytes) {}

size_t ImageCache::KeyHash::operator()(const Key& key) const {
  return hash_key({static_cast<uint64_t>(key.index), key.kind});
}

std::shared_ptr<const image::Image> ImageCache::find(int64_t index, uint64_t kind) const {
  std::shared_ptr<const image::Image> picture;
  {
    const std::shared_lock lock(mutex_);
    const auto found = pictures_.find({index, kind});
    if (found != pictures_.end()) picture = found->second;
  }
  ++(picture ? hits_ : misses_);
  return picture;
}

bool ImageCache::offer(int64_t index, uint64_t kind, std::shared_ptr<const image::Image> picture) {
  const int64_t cost = cost_of(*picture);
  const std::unique_lock lock(mutex_);
  if (pictures_.contains({index, kind})) return true;
  if (bytes_ + cost > max_bytes_) {
    ++refused_;
    return false;
  }
  bytes_ += cost;
  pictures_.emplace(Key{index, kind}, std::move(picture));
  return true;
}

ImageCache::Statistics ImageCache::statistics() const {
  const std::shared_lock lock(mutex_);
  return {hits_, misses_, static_cast<int64_t>(pictures_.size()), bytes_, refused_};
}

void ImageCache::clear() {
  const std::unique_lock lock(mutex_);
  pictures_.clear();
  bytes_ = 0;
}

}  // namespace graft::data
