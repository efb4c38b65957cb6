#include "graft/data/box_inputs.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <numeric>

#include "graft/base/clock.h"
#include "graft/data/preparer.h"

namespace graft::data {

BoxInputs::BoxInputs(image::Preprocess preprocess, const Dataset& data)
    : preprocess_(std::move(preprocess)),
      classes_(std::max<int64_t>(1, static_cast<int64_t>(data.classes.size()))) {
  int64_t objects = 0;
  for (const View* view : data.views()) {
    for (int64_t i = 0; i < view->size(); ++i) {
      const auto here = static_cast<int64_t>(view->sample(i).boxes.size());
      most_ = std::max(most_, here);
      if (view == &data.train) objects += here;
    }
  }
  usual_ = std::clamp<int64_t>(objects / std::max<int64_t>(1, data.train.size()), 1, most_);
}

std::unique_ptr<Batches> BoxInputs::batches(const View& view, std::vector<int64_t> order,
                                            const Pass& pass, LoaderOptions options,
                                            std::shared_ptr<ThreadPool> pool) {
  SceneTransform transform;
  transform.preprocess = preprocess_;
  if (pass.augment) transform.augmentation = augmentation_;
  transform.mixes = pass.mixes;
  transform.more = more_;
  transform.seed = pass.seed;
  transform.epoch = pass.epoch;
  auto writer = std::make_shared<SceneWriter>(view, order, std::move(transform), most(),
                                              decoded_.of(view.source.get()));
  return std::make_unique<Loader>(view, std::move(order), std::move(writer), std::move(options),
                                  std::move(pool));
}

void BoxInputs::add_objects(const View& view, std::vector<std::vector<BoxLabel>> objects) {
  auto more = std::make_shared<MoreObjects>();
  more->source = view.source.get();
  for (int64_t i = 0; i < view.size(); ++i) {
    auto& here = objects[static_cast<size_t>(i)];
    most_ = std::max(most_, static_cast<int64_t>(view.sample(i).boxes.size() + here.size()));
    if (!here.empty()) more->objects[view.index(i)] = std::move(here);
  }
  more_ = std::move(more);
}

void BoxInputs::set_augmentation(const Json& augment) {
  augmentation_ = image::BoxAugmentation(augment, "augment");
}

nn::Flow BoxInputs::example(int64_t samples) const {
  const image::Dimensions size = preprocess_.output();
  const at::Generator random = at::detail::createCPUGenerator(1);
  nn::Flow flow("pixels", at::rand({samples, 3, size.height, size.width}, random, at::kFloat)
                              .contiguous(at::MemoryFormat::ChannelsLast));
  // Boxes of a sixteenth to a half of the picture's sides.
  const at::Tensor frame = at::tensor({size.width, size.height}, at::kFloat);
  const at::Tensor sides =
      (at::rand({samples, usual_, 2}, random, at::kFloat) * 0.44 + 0.06) * frame;
  const at::Tensor corners = at::rand({samples, usual_, 2}, random, at::kFloat) * (frame - sides);
  at::Tensor objects = at::full({samples, most(), SceneWriter::kColumns}, -1.F);
  objects.slice(1, 0, usual_).slice(2, 0, 2) = corners;
  objects.slice(1, 0, usual_).slice(2, 2, 4) = corners + sides;
  objects.slice(1, 0, usual_).select(2, 4) = at::randint(classes_, {samples, usual_}, random);
  flow["objects"] = objects;
  flow["sizes"] = at::tensor({size.height, size.width}, at::kFloat).repeat({samples, 1});
  return flow;
}

ReadCost BoxInputs::try_reading(const View& view, int64_t samples,
                                const std::function<bool()>& stop) const {
  SceneTransform transform;
  transform.preprocess = preprocess_;
  transform.augmentation = augmentation_;
  std::vector<int64_t> order(static_cast<size_t>(view.size()));
  std::iota(order.begin(), order.end(), int64_t{0});
  // Room for a few pictures of any size.
  const auto cache = std::make_shared<ImageCache>(view.source, int64_t{1} << 30);
  const SceneWriter writer(view, std::move(order), std::move(transform), most(), cache);
  const nn::Flow room = writer.room(1);
  return median_cost(view, samples, stop, [&](int64_t position) {
    const auto kept = static_cast<double>(cache->statistics().bytes);
    const Stopwatch watch;
    writer.write(position, 0, room, 0);
    const double first = watch.seconds();
    writer.write(position, 0, room, 0);
    return OneRead{first, watch.seconds() - first,
                   static_cast<double>(cache->statistics().bytes) - kept};
  });
}

}  // namespace graft::data
