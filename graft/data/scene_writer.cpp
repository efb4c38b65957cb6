#include "graft/data/scene_writer.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/data/preparer.h"

namespace graft::data {
namespace {

constexpr int kDraws = 8;  // of a picture to show beside, before one too many could not be read

}  // namespace

SceneWriter::SceneWriter(View view, std::vector<int64_t> order, SceneTransform transform,
                         int64_t most, std::shared_ptr<ImageCache> cache)
    : view_(std::move(view)),
      order_(std::move(order)),
      transform_(std::move(transform)),
      most_(most),
      cache_(std::move(cache)),
      size_(fixed_size(transform_.preprocess)) {
  GRAFT_ASSERT(!cache_ || cache_->source() == view_.source);
}

nn::Flow SceneWriter::room(int64_t samples) const {
  nn::Flow batch("pixels", empty_pixels(samples, size_));
  batch["objects"] = at::empty({samples, most_, kColumns}, at::kFloat);
  batch["sizes"] = at::empty({samples, 2}, at::kFloat);
  return batch;
}

image::Scene SceneWriter::scene(int64_t position, image::Dimensions& picture) const {
  std::shared_ptr<const image::Image> whole;
  if (cache_) whole = cache_->find(view_.index(position), ImageCache::kWhole);
  if (!whole) {
    whole = std::make_shared<const image::Image>(view_.load(position));
    if (cache_) cache_->offer(view_.index(position), ImageCache::kWhole, whole);
  }
  picture = {whole->width, whole->height};
  const image::Placement placement = transform_.preprocess.placement(picture);
  image::Scene scene{transform_.preprocess.apply(*whole), view_.sample(position).boxes};
  if (transform_.more && transform_.more->source == view_.source.get()) {
    const auto more = transform_.more->objects.find(view_.index(position));
    if (more != transform_.more->objects.end())
      scene.boxes.insert(scene.boxes.end(), more->second.begin(), more->second.end());
  }
  image::move_boxes(scene.boxes, static_cast<float>(placement.scale_x),
                    static_cast<float>(placement.scale_y), static_cast<float>(placement.left),
                    static_cast<float>(placement.top));
  return scene;
}

image::Scene SceneWriter::draw(Rng& rng) const {
  image::Dimensions picture;
  for (int left = kDraws;; --left) {
    const int64_t position = order_[rng.below(order_.size())];
    try {
      return scene(position, picture);
    } catch (const Error&) {
      if (left == 1) throw;  // what cannot be read is counted where it is the sample itself
    }
  }
}

void SceneWriter::write(int64_t position, uint32_t visit, const nn::Flow& batch,
                        int64_t row) const {
  image::Dimensions picture;
  image::Scene shown = scene(position, picture);
  if (transform_.augmentation.random()) {
    const auto index = static_cast<uint64_t>(view_.index(position));
    Rng rng = visit == 0 ? Rng{transform_.seed, transform_.epoch, index}
                         : Rng{transform_.seed, transform_.epoch, index, visit};
    image::DrawScene other;
    if (transform_.mixes) other = [this](Rng& random) { return draw(random); };
    shown = transform_.augmentation.apply(std::move(shown), rng, size_, other);
  }
  transform_.preprocess.to_floats(shown.image, row_of(batch.at("pixels"), row));
  float* object = row_of(batch.at("objects"), row);
  const float* const end = object + most_ * kColumns;
  for (const BoxLabel& box : shown.boxes) {
    if (box.crowd || object == end) continue;
    for (const float value :
         {box.box.x0, box.box.y0, box.box.x1, box.box.y1, static_cast<float>(box.label)})
      *object++ = value;
  }
  std::fill(object, const_cast<float*>(end), -1.F);
  float* size = row_of(batch.at("sizes"), row);
  size[0] = static_cast<float>(picture.height);
  size[1] = static_cast<float>(picture.width);
}

}  // namespace graft::data
