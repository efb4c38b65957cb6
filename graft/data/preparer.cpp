#include "graft/data/preparer.h"

#include <ATen/ATen.h>

#include <string>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/rng.h"

namespace graft::data {
namespace {

/// Names the settings of a preprocessing; never ImageCache::kWhole.
uint64_t kind_of(const image::Preprocess& preprocess) {
  uint64_t kind = 0;
  for (const char c : preprocess.to_config().dump())
    kind = hash_key({kind, static_cast<unsigned char>(c)});
  return kind | 1;
}

}  // namespace

at::Tensor empty_pixels(int64_t samples, image::Dimensions size) {
  return at::empty({samples, 3, size.height, size.width}, at::TensorOptions(at::kFloat),
                   at::MemoryFormat::ChannelsLast);
}

image::Dimensions fixed_size(const image::Preprocess& preprocess) {
  const image::Dimensions size = preprocess.output();
  if (size.width < 1 || size.height < 1) {
    fail_usage(
        "the preprocessing gives pictures of different sizes, which do not fit into one batch; set "
        "both sides of its crop");
  }
  return size;
}

float* row_of(const at::Tensor& tensor, int64_t row) {
  return tensor.data_ptr<float>() + row * tensor.stride(0);
}

Preparer::Preparer(View view, Transform transform, std::shared_ptr<ImageCache> cache)
    : view_(std::move(view)), transform_(std::move(transform)), cache_(std::move(cache)) {
  size_ = fixed_size(transform_.preprocess);
  GRAFT_ASSERT(!cache_ || cache_->source() == view_.source);
  random_ = transform_.augmentation.random();
  whole_ = transform_.augmentation.sets_size();
  kind_ = whole_ ? ImageCache::kWhole : kind_of(transform_.preprocess);
}

std::shared_ptr<const image::Image> Preparer::start(int64_t position) const {
  if (cache_) {
    if (auto kept = cache_->find(view_.index(position), kind_)) return kept;
  }
  image::Image picture = view_.load(position);
  if (!whole_) picture = transform_.preprocess.apply(picture);
  auto made = std::make_shared<image::Image>(std::move(picture));
  if (cache_) cache_->offer(view_.index(position), kind_, made);
  return made;
}

nn::Flow Preparer::room(int64_t samples) const {
  return {"pixels", empty_pixels(samples, size_)};
}

void Preparer::write(int64_t position, uint32_t visit, const nn::Flow& batch, int64_t row) const {
  float* out = row_of(batch.at("pixels"), row);
  const auto picture = start(position);
  if (!random_) {
    transform_.preprocess.to_floats(*picture, out);
    return;
  }
  const auto index = static_cast<uint64_t>(view_.index(position));
  Rng rng = visit == 0 ? Rng{transform_.seed, transform_.epoch, index}
                       : Rng{transform_.seed, transform_.epoch, index, visit};
  const auto& augment = transform_.augmentation;
  const image::Image changed = whole_ ? augment.apply(*picture, rng, transform_.preprocess)
                                      : augment.apply(*picture, rng, size_.width, size_.height);
  transform_.preprocess.to_floats(changed, out);
  augment.apply_to_floats(out, size_, rng);
}

}  // namespace graft::data
