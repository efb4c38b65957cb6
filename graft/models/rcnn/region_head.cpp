#include "graft/models/rcnn/region_head.h"

#include <torch/types.h>

#include "graft/nn/roi_align.h"

namespace graft::models {
namespace {

constexpr int64_t kCells = 7;  // that a region is divided into, each way
constexpr size_t kMaps = 4;    // that regions are read off
// A region with such sides is read off the map of that level; the finest is 0.
constexpr double kUsualSide = 224;
constexpr double kUsualLevel = 2;

/// The map that each region is read off, int64 [K].
at::Tensor levels_of(const at::Tensor& boxes) {
  const at::Tensor area =
      (boxes.select(1, 2) - boxes.select(1, 0)) * (boxes.select(1, 3) - boxes.select(1, 1));
  return (kUsualLevel + (area.sqrt() / kUsualSide).log2() + 1e-6)
      .floor()
      .clamp(0, kMaps - 1)
      .to(at::kLong);
}

}  // namespace

RegionFeatures::RegionFeatures(const nn::Scope& scope, const FasterRcnnSettings& settings,
                               int64_t classes)
    : settings_(settings),
      classes_(classes),
      first_(scope / "fc6", settings.body.channels * kCells * kCells, settings.width),
      second_(scope / "fc7", settings.width, settings.width) {}

std::vector<at::Tensor> RegionFeatures::regions(const nn::Flow& flow,
                                                const nn::Context& context) const {
  const at::Tensor& proposals = flow.at("proposals");
  const at::Tensor counts = flow.at("counts").to(at::kCPU);
  const bool draws = context.training && flow.has("objects");
  std::vector<Objects> objects;
  if (draws)
    objects = objects_of(flow.at("objects"), input_under(flow.at(level_name(0))), classes_);
  std::vector<at::Tensor> all;
  for (int64_t i = 0; i < proposals.size(0); ++i) {
    at::Tensor boxes = proposals[i].narrow(0, 0, counts[i].item<int64_t>());
    if (draws) {
      const Objects& there = objects[static_cast<size_t>(i)];
      boxes = at::cat({boxes, there.boxes});
      const at::Tensor matches = match_boxes(there, boxes, settings_.region_match);
      boxes = boxes.index_select(
          0, draw_boxes(matches, settings_.region_draw, context.generator).nonzero().flatten());
    }
    all.push_back(boxes);
  }
  return all;
}

at::Tensor RegionFeatures::pooled(const nn::Flow& flow,
                                  const std::vector<at::Tensor>& regions) const {
  std::vector<at::Tensor> rows;  // picture, corners
  for (size_t i = 0; i < regions.size(); ++i) {
    const at::Tensor picture =
        at::full({regions[i].size(0), 1}, static_cast<double>(i), regions[i].options());
    rows.push_back(at::cat({picture, regions[i]}, 1));
  }
  const at::Tensor all = at::cat(rows);
  const at::Tensor levels = levels_of(all.slice(1, 1));
  std::vector<at::Tensor> read, order;
  for (size_t level = 0; level < kMaps; ++level) {
    const at::Tensor here = (levels == static_cast<int64_t>(level)).nonzero().flatten();
    nn::RoiAlignOptions options;
    options.size = kCells;
    options.scale = 1.0 / static_cast<double>(FasterRcnnSettings::kStride << level);
    read.push_back(nn::roi_align(flow.at(level_name(level)), all.index_select(0, here), options));
    order.push_back(here);
  }
  return at::cat(read).index_select(0, at::cat(order).argsort()).flatten(1);
}

nn::Flow RegionFeatures::forward(nn::Flow flow, nn::Context& context) {
  const std::vector<at::Tensor> regions = this->regions(flow, context);
  const PaddedBoxes padded(regions);
  const at::Tensor x = at::relu(second_(at::relu(first_(pooled(flow, regions)))));
  // Each picture's rows stand where its regions do.
  const int64_t pictures = padded.boxes.size(0), most = padded.boxes.size(1);
  const at::Tensor places =
      (at::arange(most, padded.counts.options()) < padded.counts.unsqueeze(1)).flatten().nonzero();
  nn::Flow result;
  result["x"] = x.new_zeros({pictures * most, x.size(1)})
                    .index_copy(0, places.flatten(), x)
                    .view({pictures, most, -1});
  result["regions"] = padded.boxes;
  result["counts"] = padded.counts;
  for (const char* name : {"objectness", "offsets", "drawn"}) {
    if (flow.has(name)) result[name] = flow.at(name);
  }
  return result;
}

RegionClasses::RegionClasses(const nn::Scope& scope, int64_t width, int64_t classes)
    : classes_(scope / "cls_score", width, classes + 1),
      boxes_(scope / "bbox_pred", width, (classes + 1) * 4) {}

nn::Flow RegionClasses::forward(nn::Flow flow, nn::Context& /*context*/) {
  at::Tensor x = flow.at("x");
  // Objects are told apart in float32 at least.
  if (at::isReducedFloatingType(x.scalar_type())) x = x.to(at::kFloat);
  nn::Flow result;
  for (const auto& [name, tensor] : flow.tensors()) {
    if (name != "x") result[name] = tensor;
  }
  result["logits"] = classes_(x);
  result["shifts"] = boxes_(x);
  return result;
}

}  // namespace graft::models
