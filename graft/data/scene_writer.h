#pragma once

#include <map>
#include <memory>
#include <vector>

#include "graft/data/image_cache.h"
#include "graft/data/inputs.h"
#include "graft/data/sample_writer.h"
#include "graft/image/box_augment.h"
#include "graft/image/preprocess.h"

namespace graft::data {

/// Objects that the data do not mark, by source and sample.
struct MoreObjects {
  const Source* source = nullptr;
  std::map<int64_t, std::vector<BoxLabel>> objects;
};

/// From pictures with boxes to what a detector learns: like Transform (loader.h).
struct SceneTransform {
  image::Preprocess preprocess;             ///< its output must have a fixed size
  image::BoxAugmentation augmentation;      ///< acts on what `preprocess` made; none by default
  bool mixes = true;                        ///< whether it may show several pictures in one
  std::shared_ptr<const MoreObjects> more;  ///< may be null
  uint64_t seed = 0, epoch = 0;
};

/// Pictures in which objects are marked. A batch has, beside "pixels" [B, 3, H, W], what travels
/// with them up to the loss, all float32:
///
///   "objects" [B, M, 5]  box in pixels of the network's input, class; where there are fewer than
///                        M, the class is -1. Crowds are left out.
///   "sizes"   [B, 2]     height and width of the picture as it lies on the disk
class SceneWriter final : public SampleWriter {
 public:
  /// Others that are shown beside a sample are drawn from `order`, positions in the view. `most` is
  /// M; what a scene has beyond it is left out. `cache` may be null.
  SceneWriter(View view, std::vector<int64_t> order, SceneTransform transform, int64_t most,
              std::shared_ptr<ImageCache> cache);

  nn::Flow room(int64_t samples) const override;
  void write(int64_t position, uint32_t visit, const nn::Flow& batch, int64_t row) const override;

  static constexpr int64_t kColumns = 5;

 private:
  /// A sample as the network sees it, and the size of its picture.
  image::Scene scene(int64_t position, image::Dimensions& picture) const;
  image::Scene draw(Rng& rng) const;

  View view_;
  std::vector<int64_t> order_;
  SceneTransform transform_;
  int64_t most_;
  std::shared_ptr<ImageCache> cache_;
  image::Dimensions size_;
};

}  // namespace graft::data
