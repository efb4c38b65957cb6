#include "graft/image/augment_options.h"
#include "graft/image/box_augment.h"
#include "graft/image/resize.h"

namespace graft::image {
namespace {

class HorizontalFlip final : public BoxAugment {
 public:
  explicit HorizontalFlip(double probability) : probability_(probability) {}

  Scene apply(Scene scene, Rng& rng, Dimensions, const DrawScene&) const override {
    if (!rng.chance(probability_)) return scene;
    move_boxes(scene.boxes, -1, 1, static_cast<float>(scene.image.width), 0);
    return {hflip(std::move(scene.image)), std::move(scene.boxes)};
  }
  bool changes() const override { return probability_ > 0; }

 private:
  double probability_;
};

}  // namespace

BoxAugmentRecord horizontal_flip_box_augment() {
  return {{"horizontal_flip",
           "mirror left and right",
           {detail::probability(0.5)},
           "torchvision v2.RandomHorizontalFlip"},
          [](const Options& options, const std::string&) -> std::unique_ptr<const BoxAugment> {
            return std::make_unique<HorizontalFlip>(options.number("p"));
          }};
}

}  // namespace graft::image
