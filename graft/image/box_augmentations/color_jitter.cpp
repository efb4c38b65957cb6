#include "graft/image/augment.h"
#include "graft/image/box_augment.h"

namespace graft::image {
namespace {

/// Pixels change where they are, so that boxes stay.
class BoxColorJitter final : public BoxAugment {
 public:
  explicit BoxColorJitter(std::unique_ptr<const Augment> colours) : colours_(std::move(colours)) {}

  Scene apply(Scene scene, Rng& rng, Dimensions, const DrawScene&) const override {
    const Dimensions size{scene.image.width, scene.image.height};
    return {colours_->apply(std::move(scene.image), rng, size), std::move(scene.boxes)};
  }
  bool changes() const override { return colours_->changes(); }

 private:
  std::unique_ptr<const Augment> colours_;
};

const AugmentRecord& of_pictures() {
  return find_in(augmentations(), "color_jitter", "augmentation");
}

}  // namespace

BoxAugmentRecord color_jitter_box_augment() {
  return {
      static_cast<const Entry&>(of_pictures()),
      [](const Options& options, const std::string& where) -> std::unique_ptr<const BoxAugment> {
        return std::make_unique<BoxColorJitter>(of_pictures().make(options, where));
      }};
}

}  // namespace graft::image
