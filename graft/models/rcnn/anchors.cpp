#include "graft/models/rcnn/anchors.h"

#include <torch/types.h>

#include <cmath>

#include "graft/base/error.h"

namespace graft::models {
namespace {

constexpr int64_t kLargest = 1'000'000;

[[noreturn]] void wrong(const char* key, const Json& value, const std::string& expected) {
  fail_unreadable("config.json: {} must be {}, got {}", key, expected, value.dump());
}

}  // namespace

AnchorSettings::AnchorSettings(const Json& config, size_t maps,
                               std::vector<std::vector<int64_t>> usual)
    : sizes(std::move(usual)) {
  if (const Json given = config.value("anchor_sizes", Json()); !given.is_null()) {
    const std::string expected =
        fmt::format("{} equally long lists of sizes in pixels, one for each map", maps);
    if (!given.is_array() || given.size() != maps) wrong("anchor_sizes", given, expected);
    sizes.clear();
    for (const Json& list : given) {
      if (!list.is_array() || list.empty() || list.size() != given[0].size())
        wrong("anchor_sizes", given, expected);
      for (const Json& size : list) {
        if (!size.is_number_integer() || size.get<int64_t>() < 1 || size.get<int64_t>() > kLargest)
          wrong("anchor_sizes", given, expected);
      }
      sizes.push_back(list.get<std::vector<int64_t>>());
    }
  }
  if (const Json given = config.value("aspect_ratios", Json()); !given.is_null()) {
    const char* expected = "a list of numbers above 0, height by width";
    if (!given.is_array() || given.empty()) wrong("aspect_ratios", given, expected);
    for (const Json& ratio : given) {
      if (!ratio.is_number() || !(ratio.get<double>() > 0 && ratio.get<double>() <= 1000))
        wrong("aspect_ratios", given, expected);
    }
    ratios = given.get<std::vector<double>>();
  }
  GRAFT_ASSERT(sizes.size() == maps);
}

std::vector<MapSize> pyramid_sizes(image::Dimensions input, int64_t stride, size_t maps) {
  MapSize size{input.height / stride, input.width / stride};
  std::vector<MapSize> all;
  for (size_t i = 0; i < maps; ++i) {
    all.push_back(size);
    size = {(size.height + 1) / 2, (size.width + 1) / 2};
  }
  return all;
}

std::vector<at::Tensor> make_anchors(const AnchorSettings& settings, image::Dimensions input,
                                     const std::vector<MapSize>& maps) {
  GRAFT_ASSERT(maps.size() == settings.sizes.size());
  std::vector<at::Tensor> all;
  for (size_t level = 0; level < maps.size(); ++level) {
    std::vector<float> shapes;  // around 0, with whole halves of sides
    for (const double ratio : settings.ratios) {
      const float high = std::sqrt(static_cast<float>(ratio));
      const float wide = 1 / high;
      for (const int64_t size : settings.sizes[level]) {
        const float w = std::nearbyint(wide * static_cast<float>(size) / 2);
        const float h = std::nearbyint(high * static_cast<float>(size) / 2);
        shapes.insert(shapes.end(), {-w, -h, w, h});
      }
    }
    const auto [height, width] = maps[level];
    const at::Tensor x = at::arange(width, at::kFloat) * (input.width / width);
    const at::Tensor y = at::arange(height, at::kFloat) * (input.height / height);
    const at::Tensor columns = x.view({1, -1}).expand({height, width});
    const at::Tensor rows = y.view({-1, 1}).expand({height, width});
    const at::Tensor places = at::stack({columns, rows, columns, rows}, -1).view({-1, 1, 4});
    all.push_back((places + at::tensor(shapes).view({1, -1, 4})).view({-1, 4}));
  }
  return all;
}

}  // namespace graft::models
