#include "graft/nn/deformable_attention.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"
#include "graft/nn/cost_meter.h"
#include "graft/tensor/device.h"

namespace graft::nn {
namespace {

/// `map` [N, D, H, W] at the pixels nearest to `places` [N, Q, P, 2]: [N, D, Q, P].
at::Tensor nearest(const at::Tensor& map, const at::Tensor& places) {
  const int64_t height = map.size(2), width = map.size(3);
  const auto pixel = [&](int64_t axis, int64_t count) {
    return (places.select(-1, axis).detach() * static_cast<double>(count) + 0.5)
        .to(at::kLong)
        .clamp(0, count - 1);
  };
  const at::Tensor index = (pixel(1, height) * width + pixel(0, width)).flatten(1).unsqueeze(1);
  const int64_t count = map.size(0), channels = map.size(1);
  return map.flatten(2)
      .gather(2, index.expand({count, channels, index.size(2)}))
      .view({count, channels, places.size(1), places.size(2)});
}

/// `map` [N, D, H, W] between the pixels around `places`; padded with zeros.
at::Tensor between(const at::Tensor& map, const at::Tensor& places) {
  constexpr int64_t kBilinear = 0, kZeros = 0;
  if (!map.is_cpu()) allow_unordered_sums();
  return at::grid_sampler(map, (2 * places - 1).to(map.scalar_type()), kBilinear, kZeros, false);
}

}  // namespace

Sampling parse_sampling(const std::string& name, const std::string& where) {
  if (name == "default") return Sampling::bilinear;
  if (name == "discrete") return Sampling::discrete;
  fail_unreadable("{}: maps are read in the way 'default' or 'discrete', got '{}'", where, name);
}

at::Tensor deformable_attention(const at::Tensor& values, const std::vector<MapSize>& maps,
                                const at::Tensor& places, const at::Tensor& weights,
                                const std::vector<int64_t>& points, Sampling sampling,
                                const Context& context) {
  const int64_t batch = values.size(0), heads = values.size(2), width = values.size(3);
  const int64_t queries = places.size(1);
  GRAFT_ASSERT(maps.size() == points.size());
  if (CostMeter* meter = CostMeter::active()) {
    // Four pixels a place and their weights, then the place's own.
    const double each = sampling == Sampling::bilinear ? 10 : 2;
    meter->add({context.block,
                each * static_cast<double>(weights.numel()) * static_cast<double>(width), false,
                false});
  }
  // [B * heads, Q, P, 2]
  const at::Tensor by_head = places.transpose(1, 2).flatten(0, 1);
  const at::Tensor pixels = values.permute({0, 2, 3, 1}).flatten(0, 1);  // [B * heads, D, S]
  std::vector<at::Tensor> read;
  read.reserve(maps.size());
  int64_t pixel = 0, place = 0;
  for (size_t i = 0; i < maps.size(); ++i) {
    const at::Tensor map = pixels.narrow(2, pixel, maps[i].area())
                               .reshape({batch * heads, width, maps[i].height, maps[i].width});
    const at::Tensor here = by_head.narrow(2, place, points[i]);
    read.push_back(sampling == Sampling::bilinear ? between(map, here) : nearest(map, here));
    pixel += maps[i].area();
    place += points[i];
  }
  GRAFT_ASSERT(pixel == values.size(1) && place == places.size(3));
  const at::Tensor counts =
      weights.transpose(1, 2).reshape({batch * heads, 1, queries, place}).to(values.scalar_type());
  return (at::cat(read, -1) * counts)
      .sum(-1)
      .view({batch, heads * width, queries})
      .transpose(1, 2)
      .contiguous();
}

at::Tensor first_offsets(int64_t heads, const std::vector<int64_t>& points) {
  constexpr double kPi = 3.14159265358979323846;
  std::vector<float> values;
  for (int64_t head = 0; head < heads; ++head) {
    const double angle = 2 * kPi * static_cast<double>(head) / static_cast<double>(heads);
    const double x = std::cos(angle), y = std::sin(angle);
    const double longer = std::max(std::abs(x), std::abs(y));
    for (const int64_t count : points) {
      for (int64_t k = 1; k <= count; ++k) {
        values.push_back(static_cast<float>(x / longer * static_cast<double>(k)));
        values.push_back(static_cast<float>(y / longer * static_cast<double>(k)));
      }
    }
  }
  return at::tensor(values, at::kFloat);
}

}  // namespace graft::nn
