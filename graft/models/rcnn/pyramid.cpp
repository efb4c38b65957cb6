#include "graft/models/rcnn/pyramid.h"

#include <torch/types.h>

#include "graft/base/error.h"

namespace graft::models {

std::unique_ptr<nn::Conv2d> plain_conv(const nn::Scope& scope, int64_t in, int64_t out,
                                       int64_t kernel, int64_t stride) {
  nn::ConvOptions o;
  o.in = in;
  o.out = out;
  o.kernel = {kernel, kernel};
  o.stride = {stride, stride};
  o.padding = {kernel / 2, kernel / 2};
  o.bias = true;
  return std::make_unique<nn::Conv2d>(scope, o);
}

Pyramid::Pyramid(const nn::Scope& scope, std::vector<int64_t> stages,
                 const std::vector<int64_t>& widths, int64_t channels, PyramidTop top)
    : stages_(std::move(stages)) {
  GRAFT_ASSERT(stages_.size() == widths.size());
  const auto part = [&](const char* list, size_t i) {
    return scope / list / std::to_string(i) / "0";
  };
  for (size_t i = 0; i < widths.size(); ++i)
    inner_.push_back(plain_conv(part("inner_blocks", i), widths[i], channels, 1));
  for (size_t i = 0; i < widths.size(); ++i)
    layer_.push_back(plain_conv(part("layer_blocks", i), channels, channels, 3));
  if (top == PyramidTop::pool) return;
  for (const char* name : {"p6", "p7"})
    extra_.push_back(plain_conv(scope / "extra_blocks" / name, channels, channels, 3, 2));
}

nn::Flow Pyramid::forward(nn::Flow flow, nn::Context& /*context*/) {
  std::vector<at::Tensor> levels(stages_.size());
  at::Tensor above;
  for (size_t i = stages_.size(); i-- > 0;) {
    at::Tensor x = (*inner_[i])(flow.at(fmt::format("map{}", stages_[i])));
    if (above.defined()) x = x + at::upsample_nearest2d(above, {x.size(2), x.size(3)});
    levels[i] = (*layer_[i])(x);
    above = x;
  }
  if (extra_.empty()) {
    levels.push_back(levels.back().slice(2, 0, c10::nullopt, 2).slice(3, 0, c10::nullopt, 2));
  } else {
    levels.push_back((*extra_[0])(levels.back()));
    levels.push_back((*extra_[1])(at::relu(levels.back())));
  }
  nn::Flow result;
  for (size_t i = 0; i < levels.size(); ++i) result[level_name(i)] = levels[i];
  return result;
}

at::Tensor by_anchor(const at::Tensor& map, int64_t numbers) {
  const int64_t count = map.size(1) / numbers;
  const at::Tensor wide = at::isReducedFloatingType(map.scalar_type()) ? map.to(at::kFloat) : map;
  return wide.view({map.size(0), count, numbers, map.size(2), map.size(3)})
      .permute({0, 3, 4, 1, 2})
      .reshape({map.size(0), -1, numbers});
}

}  // namespace graft::models
