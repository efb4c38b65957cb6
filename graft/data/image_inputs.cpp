#include "graft/data/image_inputs.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "graft/base/clock.h"

namespace graft::data {

std::unique_ptr<Batches> ImageInputs::batches(const View& view, std::vector<int64_t> order,
                                              const Pass& pass, LoaderOptions options,
                                              std::shared_ptr<ThreadPool> pool) {
  Transform transform;
  transform.preprocess = preprocess_;
  if (pass.augment) transform.augmentation = augmentation_;
  transform.seed = pass.seed;
  transform.epoch = pass.epoch;
  return std::make_unique<Loader>(view, std::move(order), std::move(transform), std::move(options),
                                  std::move(pool), decoded_.of(view.source.get()));
}

void ImageInputs::set_augmentation(const Json& augment) {
  augmentation_ = image::Augmentation(augment, "augment");
}

nn::Flow ImageInputs::example(int64_t samples) const {
  const image::Dimensions size = preprocess_.output();
  const at::Tensor pixels = at::rand({samples, 3, size.height, size.width},
                                     at::detail::createCPUGenerator(1), at::kFloat);
  return {"pixels", pixels.contiguous(at::MemoryFormat::ChannelsLast)};
}

ReadCost ImageInputs::try_reading(const View& view, int64_t samples,
                                  const std::function<bool()>& stop) const {
  const image::Dimensions size = preprocess_.output();
  std::vector<float> floats(static_cast<size_t>(size.height) * static_cast<size_t>(size.width) * 3);
  return median_cost(view, samples, stop, [&](int64_t position) {
    const Stopwatch watch;
    const image::Image picture = view.load(position);
    const double decode = watch.seconds();
    Rng rng{0, 0, static_cast<uint64_t>(position)};
    preprocess_.to_floats(augmentation_.apply(picture, rng, preprocess_), floats.data());
    const double all = watch.seconds();
    return OneRead{all, all - decode, static_cast<double>(picture.pixels.size())};
  });
}

}  // namespace graft::data
