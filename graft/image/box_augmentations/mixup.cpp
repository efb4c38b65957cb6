#include <cmath>

#include "graft/image/augment_options.h"
#include "graft/image/box_augment.h"

namespace graft::image {
namespace {

/// Two scenes in one frame, each seen through the other; the objects of both are there.
class BoxMixup final : public BoxAugment {
 public:
  BoxMixup(double probability, double alpha) : probability_(probability), alpha_(alpha) {}

  Scene apply(Scene scene, Rng& rng, Dimensions frame, const DrawScene& draw) const override {
    if (!rng.chance(probability_)) return scene;
    scene = letterboxed(std::move(scene), frame);
    const Scene other = letterboxed(draw(rng), frame);
    const auto share = static_cast<int>(std::lround(256 * rng.beta(alpha_, alpha_)));
    for (size_t i = 0; i < scene.image.pixels.size(); ++i) {
      const int mixed = share * scene.image.pixels[i] + (256 - share) * other.image.pixels[i];
      scene.image.pixels[i] = static_cast<uint8_t>((mixed + 128) >> 8);
    }
    scene.boxes.insert(scene.boxes.end(), other.boxes.begin(), other.boxes.end());
    return scene;
  }
  int scenes() const override { return probability_ > 0 ? 2 : 1; }
  bool changes() const override { return probability_ > 0; }

 private:
  double probability_;
  double alpha_;
};

}  // namespace

BoxAugmentRecord mixup_box_augment() {
  return {{"mixup",
           "blend two pictures and keep the objects of both",
           {detail::probability(0.15),
            number("alpha", 8.0,
                   "of the Beta distribution that shares are drawn from: both pictures "
                   "stay visible where it is large")
                .between(0.01, 1000)},
           "Zhang et al. 2018; for detectors Zhang et al. 2019 (Bag of Freebies)"},
          [](const Options& options, const std::string&) -> std::unique_ptr<const BoxAugment> {
            return std::make_unique<BoxMixup>(options.number("p"), options.number("alpha"));
          }};
}

}  // namespace graft::image
