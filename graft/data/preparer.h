#pragma once

#include <memory>

#include "graft/data/loader.h"

namespace graft::data {

/// Turns samples of a view into floats; any thread may call it.
class Preparer {
 public:
  Preparer(View view, Transform transform, std::shared_ptr<ImageCache> cache);

  image::Dimensions size() const { return size_; }
  /// Writes height x width x 3 floats. `visit` tells repeated visits of one sample in an epoch
  /// apart.
  void write(int64_t position, uint32_t visit, float* out) const;

 private:
  /// The picture as the random part begins with it, from the cache where it is there.
  std::shared_ptr<const image::Image> start(int64_t position) const;

  View view_;
  Transform transform_;
  std::shared_ptr<ImageCache> cache_;
  image::Dimensions size_;
  bool random_;
  bool whole_;  // the random part begins with the whole picture, not with the preprocessed one
  uint64_t kind_;
};

}  // namespace graft::data
