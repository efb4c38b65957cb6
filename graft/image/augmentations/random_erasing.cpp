#include <array>
#include <cmath>
#include <optional>

#include "graft/base/error.h"
#include "graft/image/augment.h"
#include "graft/image/augment_options.h"

namespace graft::image {
namespace {

using detail::Range;
using Value = std::optional<std::array<float, 3>>;  // none: normal noise

class RandomErasing final : public Augment {
 public:
  RandomErasing(double p, Range scale, Range ratio, const Value& value)
      : p_(p), scale_(scale), ratio_(ratio), value_(value) {}

  void apply_to_floats(float* pixels, Dimensions size, Rng& rng) const override {
    if (!rng.chance(p_)) return;
    const double area = static_cast<double>(size.width) * size.height;
    constexpr int kTries = 10;
    for (int i = 0; i < kTries; ++i) {
      const double target = area * rng.uniform(scale_.low, scale_.high);
      const double aspect = std::exp(rng.uniform(std::log(ratio_.low), std::log(ratio_.high)));
      const double height = std::nearbyint(std::sqrt(target * aspect));
      const double width = std::nearbyint(std::sqrt(target / aspect));
      if (!(height < size.height && width < size.width)) continue;
      const auto h = static_cast<int>(height), w = static_cast<int>(width);
      const auto top = static_cast<int>(rng.integer(0, size.height - h));
      const auto left = static_cast<int>(rng.integer(0, size.width - w));
      for (int y = top; y < top + h; ++y) {
        float* pixel = pixels + (static_cast<ptrdiff_t>(y) * size.width + left) * 3;
        for (int x = 0; x < w; ++x, pixel += 3) {
          for (size_t c = 0; c < 3; ++c)
            pixel[c] = value_ ? (*value_)[c] : static_cast<float>(rng.normal());
        }
      }
      return;
    }
  }
  bool changes() const override { return p_ > 0 && scale_.high > 0; }

 private:
  double p_;
  Range scale_, ratio_;
  Value value_;
};

Value read_value(const Json& value, const std::string& where) {
  if (value == "random") return std::nullopt;
  if (value.is_number()) {
    const float same = value.get<float>();
    return std::array{same, same, same};
  }
  const bool three = value.is_array() && value.size() == 3 && value[0].is_number() &&
                     value[1].is_number() && value[2].is_number();
  if (!three)
    fail_usage("{}: value must be a number, three numbers or random, got {}", where, value.dump());
  return std::array{value[0].get<float>(), value[1].get<float>(), value[2].get<float>()};
}

}  // namespace

AugmentRecord random_erasing_augment() {
  return {{"random_erasing",
           "overwrite a rectangle of the normalised picture",
           {detail::probability(0.5),
            list("scale", {0.02, 0.33}, "smallest and largest share of the area"),
            list("ratio", {0.3, 3.3}, "smallest and largest height / width"),
            any("value", 0, "a number, one a channel, or random for normal noise")},
           "Zhong et al. 2020; torchvision v2.RandomErasing"},
          [](const Options& options, const std::string& where) -> std::unique_ptr<const Augment> {
            return std::make_unique<RandomErasing>(
                options.number("p"), detail::read_range(options, "scale", 0, 1, where),
                detail::read_range(options, "ratio", 1e-3, 1e3, where),
                read_value(options.at("value"), where));
          }};
}

}  // namespace graft::image
