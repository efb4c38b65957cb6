#include "graft/image/box_augment.h"

#include <algorithm>

#include "graft/base/named_options.h"
#include "graft/image/letterbox.h"
#include "graft/image/policies.h"

namespace graft::image {

#define BOX_AUGMENT(name) BoxAugmentRecord name##_box_augment();
#include "graft/image/box_augmentations.def"
#undef BOX_AUGMENT

const std::vector<BoxAugmentRecord>& box_augmentations() {
  static const std::vector<BoxAugmentRecord> all{
#define BOX_AUGMENT(name) name##_box_augment(),
#include "graft/image/box_augmentations.def"
#undef BOX_AUGMENT
  };
  return all;
}

BoxAugmentation::BoxAugmentation(const Json& spec, const std::string& where) {
  if (spec.is_null()) return;
  const Policy* policy = spec.is_string() ? find_box_policy(spec.get<std::string>()) : nullptr;
  const Json list = policy ? policy->steps : spec.is_array() ? spec : Json::array({spec});
  for (const auto& [name, options] : named_options(list, where, "an augmentation of boxes")) {
    const BoxAugmentRecord& record = find_in(box_augmentations(), name, "augmentation of boxes");
    const std::string place = where + ": " + name;
    const Options checked(record.options, options, place);
    steps_.push_back(record.make(checked, place));
    spec_.push_back(Json{{name, checked.json()}});
  }
}

Scene BoxAugmentation::apply(Scene scene, Rng& rng, Dimensions frame, const DrawScene& draw) const {
  for (const auto& step : steps_) {
    if (step->mixes() && !draw) continue;
    scene = step->apply(std::move(scene), rng, frame, draw);
  }
  return letterboxed(std::move(scene), frame);
}

bool BoxAugmentation::random() const {
  return std::ranges::any_of(steps_, [](const auto& step) { return step->changes(); });
}

bool BoxAugmentation::mixes() const {
  return std::ranges::any_of(steps_, [](const auto& step) { return step->mixes(); });
}

int BoxAugmentation::scenes() const {
  int most = 1;
  for (const auto& step : steps_) most *= step->scenes();
  return most;
}

Scene letterboxed(Scene scene, Dimensions frame) {
  if (scene.image.width == frame.width && scene.image.height == frame.height) return scene;
  const Letterbox letterbox({scene.image.width, scene.image.height}, frame);
  move_boxes(scene.boxes, letterbox.scale_x(), letterbox.scale_y(),
             static_cast<float>(letterbox.place().x), static_cast<float>(letterbox.place().y));
  return {letterbox.apply(scene.image), std::move(scene.boxes)};
}

}  // namespace graft::image
