#include <algorithm>
#include <array>

#include "graft/image/augment.h"
#include "graft/image/augment_options.h"
#include "graft/image/color.h"

namespace graft::image {
namespace {

using detail::Range;

class ColorJitter final : public Augment {
 public:
  using Adjust = Image (*)(Image, double);
  /// An adjustment, the value that leaves the picture alone, and what is drawn from.
  struct Part {
    Adjust adjust;
    double neutral;
    Range range;
    bool active() const { return range.low != neutral || range.high != neutral; }
  };

  explicit ColorJitter(std::array<Part, 4> parts) : parts_(parts) {}

  Image apply(Image image, Rng& rng, Dimensions) const override {
    const auto order = rng.permutation(static_cast<int64_t>(parts_.size()));
    std::array<double, 4> values{};
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (parts_[i].active()) values[i] = rng.uniform(parts_[i].range.low, parts_[i].range.high);
    }
    for (const int64_t next : order) {
      const auto i = static_cast<size_t>(next);
      if (parts_[i].active()) image = parts_[i].adjust(std::move(image), values[i]);
    }
    return image;
  }
  bool changes() const override {
    return std::ranges::any_of(parts_, [](const Part& part) { return part.active(); });
  }

 private:
  std::array<Part, 4> parts_;
};

}  // namespace

AugmentRecord color_jitter_augment() {
  constexpr double kMost = 100;
  return {{"color_jitter",
           "change brightness, contrast, saturation and hue, in random order",
           {any("brightness", 0.4, "x for factors in [1 - x, 1 + x], or [low, high]"),
            any("contrast", 0.4, "x for factors in [1 - x, 1 + x], or [low, high]"),
            any("saturation", 0.4, "x for factors in [1 - x, 1 + x], or [low, high]"),
            any("hue", 0.0,
                "x for turns in [-x, x] of the colour circle, at most 0.5, or [low, high]")},
           "torchvision v2.ColorJitter; timm's strength 0.4"},
          [](const Options& options, const std::string& where) -> std::unique_ptr<const Augment> {
            const auto factors = [&](const char* name) {
              return detail::read_spread(options, name, 1, 0, kMost, where);
            };
            return std::make_unique<ColorJitter>(std::array<ColorJitter::Part, 4>{
                {{adjust_brightness, 1, factors("brightness")},
                 {adjust_contrast, 1, factors("contrast")},
                 {adjust_saturation, 1, factors("saturation")},
                 {adjust_hue, 0, detail::read_spread(options, "hue", 0, -0.5, 0.5, where)}}});
          }};
}

}  // namespace graft::image
