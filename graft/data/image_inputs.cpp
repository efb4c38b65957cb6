#include "graft/data/image_inputs.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>

#include "graft/base/clock.h"
#include "graft/base/error.h"

namespace graft::data {

std::unique_ptr<Batches> ImageInputs::batches(const View& view, std::vector<int64_t> order,
                                              const Pass& pass, LoaderOptions options,
                                              std::shared_ptr<ThreadPool> pool) {
  Transform transform;
  transform.preprocess = preprocess_;
  if (pass.augment) transform.augmentation = augmentation_;
  transform.seed = pass.seed;
  transform.epoch = pass.epoch;
  const auto cache = decoded_.find(view.source.get());
  return std::make_unique<Loader>(view, std::move(order), std::move(transform), std::move(options),
                                  std::move(pool),
                                  cache == decoded_.end() ? nullptr : cache->second);
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

void ImageInputs::keep(const Dataset& data, int64_t bytes) {
  decoded_.clear();
  if (bytes <= 0) return;
  // Each source gets a part that fits its share of the samples; the test split is read once only.
  const auto samples = static_cast<double>(data.train.size() + data.validation.size());
  const bool shared = data.train.source == data.validation.source;
  for (const View* view : {&data.train, &data.validation}) {
    if (view->empty() || decoded_.count(view->source.get())) continue;
    const double share = shared ? 1 : static_cast<double>(view->size()) / samples;
    decoded_[view->source.get()] = std::make_shared<ImageCache>(
        view->source, static_cast<int64_t>(static_cast<double>(bytes) * share));
  }
}

ReadCost ImageInputs::try_reading(const View& view, int64_t samples,
                                  const std::function<bool()>& stop) const {
  ReadCost cost;
  const int64_t n = std::min(samples, view.size());
  const image::Dimensions size = preprocess_.output();
  std::vector<float> floats(static_cast<size_t>(size.height) * static_cast<size_t>(size.width) * 3);
  std::vector<double> first, again;
  for (int64_t i = 0; i < n && (first.empty() || !stop()); ++i) {
    try {
      const Stopwatch watch;
      const image::Image picture = view.load(i * view.size() / n);
      const double decode = watch.seconds();
      Rng rng{0, 0, static_cast<uint64_t>(i)};
      preprocess_.to_floats(augmentation_.apply(picture, rng, preprocess_), floats.data());
      first.push_back(watch.seconds());
      again.push_back(watch.seconds() - decode);
      cost.kept_bytes += static_cast<double>(picture.pixels.size());
    } catch (const Error&) {
      continue;  // a bad sample is the loader's business
    }
  }
  if (first.empty()) return cost;
  // A median: one picture that comes from a cold disk must not speak for all.
  std::sort(first.begin(), first.end());
  std::sort(again.begin(), again.end());
  cost.first_s = first[first.size() / 2];
  cost.again_s = again[again.size() / 2];
  cost.kept_bytes /= static_cast<double>(first.size());
  return cost;
}

}  // namespace graft::data
