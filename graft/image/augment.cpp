#include "graft/image/augment.h"

#include <algorithm>

#include "graft/base/error.h"
#include "graft/base/named_options.h"
#include "graft/image/policies.h"

namespace graft::image {

#define AUGMENT(name) AugmentRecord name##_augment();
#include "graft/image/augmentations.def"
#undef AUGMENT

const std::vector<AugmentRecord>& augmentations() {
  static const std::vector<AugmentRecord> all{
#define AUGMENT(name) name##_augment(),
#include "graft/image/augmentations.def"
#undef AUGMENT
  };
  return all;
}

Image Augment::apply(Image image, Rng&, Dimensions) const {
  return image;
}
void Augment::apply_to_floats(float*, Dimensions, Rng&) const {}

Augmentation::Augmentation(const Json& spec, const std::string& where) {
  if (spec.is_null()) return;
  if (spec.is_string()) {
    const auto& name = spec.get_ref<const std::string&>();
    if (const Policy* policy = find_policy(name)) {
      *this = Augmentation(policy->steps, where);
    } else if (std::ranges::find(augmentations(), name, &AugmentRecord::name) !=
               augmentations().end()) {
      add(name, nullptr, where);
    } else {
      std::vector<std::string> known;
      std::string listed;
      for (const auto& one : policies()) known.push_back(one.name);
      for (const auto& one : augmentations()) known.push_back(one.name);
      for (const auto& one : known) listed += (listed.empty() ? "" : ", ") + one;
      fail_usage("{}: there is no augmentation or policy '{}'{}; known: {}", where, name,
                 did_you_mean(name, known), listed);
    }
    return;
  }
  if (spec.is_object()) {
    for (const auto& [name, options] : spec.items()) add(name, options, where);
    return;
  }
  if (!spec.is_array()) {
    fail_usage("{}: expected a policy, an augmentation or a list of them, got {}", where,
               spec.dump());
  }
  for (const auto& [name, options] : named_options(spec, where, "an augmentation"))
    add(name, options, where);
}

void Augmentation::add(const std::string& name, const Json& options, const std::string& where) {
  const AugmentRecord& record = find_in(augmentations(), name, "augmentation");
  const std::string place = where + ": " + name;
  const Options checked(record.options, options, place);
  steps_.push_back(record.make(checked, place));
  spec_.push_back(Json{{name, checked.json()}});
}

Image Augmentation::apply(Image image, Rng& rng, const Preprocess& preprocess) const {
  const Dimensions out = preprocess.output();
  GRAFT_ASSERT(out.width > 0 && out.height > 0);
  if (!sets_size()) image = preprocess.apply(image);
  return apply(std::move(image), rng, out.width, out.height);
}

Image Augmentation::apply(Image image, Rng& rng, int out_width, int out_height) const {
  for (const auto& step : steps_)
    image = step->apply(std::move(image), rng, {out_width, out_height});
  if (image.width == out_width && image.height == out_height) return image;
  return resize(image, out_width, out_height, Filter::bilinear);
}

void Augmentation::apply_to_floats(float* pixels, Dimensions size, Rng& rng) const {
  for (const auto& step : steps_) step->apply_to_floats(pixels, size, rng);
}

bool Augmentation::random() const {
  return std::ranges::any_of(steps_, [](const auto& step) { return step->changes(); });
}

bool Augmentation::sets_size() const {
  return std::ranges::any_of(steps_, [](const auto& step) { return step->sets_size(); });
}

}  // namespace graft::image
