#include "graft/models/rcnn/box_matching.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/types.h>

#include <algorithm>

#include "graft/models/box_truth.h"
#include "graft/nn/box_overlap.h"

namespace graft::models {

Objects objects_of(const std::vector<Truth>& truth, const at::Device& device) {
  const auto count = static_cast<int64_t>(truth.size());
  at::Tensor boxes = at::empty({count, 4}, at::kFloat);
  at::Tensor labels = at::empty({count}, at::kLong);
  for (int64_t i = 0; i < count; ++i) {
    const Truth& one = truth[static_cast<size_t>(i)];
    float* corner = boxes.data_ptr<float>() + 4 * i;
    for (const float value : {one.box.x0, one.box.y0, one.box.x1, one.box.y1}) *corner++ = value;
    labels.data_ptr<int64_t>()[i] = one.label;
  }
  return {boxes.to(device), labels.to(device)};
}

std::vector<Objects> objects_of(const at::Tensor& batch, image::Dimensions input, int64_t classes) {
  const at::Tensor rows = batch.detach().to(at::kCPU, at::kFloat).contiguous();
  std::vector<std::vector<Truth>> truth(static_cast<size_t>(rows.size(0)));
  const float* row = rows.data_ptr<float>();
  for (auto& picture : truth) {
    for (int64_t i = 0; i < rows.size(1); ++i, row += 5) {
      if (row[4] >= 0)
        picture.push_back({{row[0], row[1], row[2], row[3]}, static_cast<int>(row[4])});
    }
  }
  int64_t skipped = 0;
  std::vector<Objects> objects;
  for (const auto& picture : usable_truth(truth, input, classes, skipped))
    objects.push_back(objects_of(picture, batch.device()));
  return objects;
}

at::Tensor match_boxes(const Objects& objects, const at::Tensor& boxes,
                       const MatchSettings& settings) {
  const at::NoGradGuard no_grad;
  if (objects.size() == 0 || boxes.size(0) == 0)
    return at::full({boxes.size(0)}, kNothing, objects.labels.options());
  const at::Tensor overlaps = nn::pairwise_iou(objects.boxes, boxes.to(at::kFloat));  // [M, N]
  const auto [most, nearest] = overlaps.max(0);
  at::Tensor decided = most >= settings.object;
  if (settings.each) {
    const at::Tensor best = std::get<0>(overlaps.max(1, true));
    decided = decided.logical_or((overlaps == best).any(0));
  }
  const at::Tensor none = at::where(most < settings.nothing, kNothing, kUndecided);
  return at::where(decided, nearest, none);
}

at::Tensor draw_boxes(const at::Tensor& matches, const DrawSettings& settings,
                      const std::optional<at::Generator>& generator) {
  const at::NoGradGuard no_grad;
  const at::Tensor positive = (matches >= 0).nonzero().flatten();
  const at::Tensor negative = (matches == kNothing).nonzero().flatten();
  const auto most = static_cast<int64_t>(static_cast<double>(settings.count) * settings.positive);
  const int64_t objects = std::min(positive.size(0), most);
  const int64_t rest = std::min(negative.size(0), settings.count - objects);
  at::Tensor drawn = at::zeros({matches.size(0)}, matches.options().dtype(at::kBool));
  for (const auto& [from, count] : {std::pair{positive, objects}, std::pair{negative, rest}}) {
    const at::Device device = generator ? generator->device() : at::Device(at::kCPU);
    const at::Tensor order =
        at::randperm(from.size(0), generator, at::TensorOptions(at::kLong).device(device));
    drawn.index_fill_(0, from.index_select(0, order.slice(0, 0, count).to(from.device())), true);
  }
  return drawn;
}

at::Generator settled_generator() {
  return at::detail::createCPUGenerator(0);
}

}  // namespace graft::models
