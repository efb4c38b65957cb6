#include "graft/image/augment_options.h"
#include "graft/image/box_augment.h"
#include "graft/image/resize.h"

namespace graft::image {
namespace {

class VerticalFlip final : public BoxAugment {
 public:
  explicit VerticalFlip(double probability) : probability_(probability) {}

  Scene apply(Scene scene, Rng& rng, Dimensions, const DrawScene&) const override {
    if (!rng.chance(probability_)) return scene;
    move_boxes(scene.boxes, 1, -1, 0, static_cast<float>(scene.image.height));
    return {vflip(std::move(scene.image)), std::move(scene.boxes)};
  }
  bool changes() const override { return probability_ > 0; }

 private:
  double probability_;
};

}  // namespace

BoxAugmentRecord vertical_flip_box_augment() {
  return {{"vertical_flip",
           "mirror top and bottom: for pictures from above and through microscopes",
           {detail::probability(0.5)},
           "torchvision v2.RandomVerticalFlip"},
          [](const Options& options, const std::string&) -> std::unique_ptr<const BoxAugment> {
            return std::make_unique<VerticalFlip>(options.number("p"));
          }};
}

}  // namespace graft::image
