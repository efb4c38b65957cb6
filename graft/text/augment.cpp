#include "graft/text/augment.h"

#include <algorithm>

#include "graft/base/error.h"
#include "graft/base/named_options.h"

namespace graft::texts {

#define AUGMENT(name) AugmentRecord name##_augment();
#include "graft/text/augmentations.def"
#undef AUGMENT

const std::vector<AugmentRecord>& augmentations() {
  static const std::vector<AugmentRecord> all{
#define AUGMENT(name) name##_augment(),
#include "graft/text/augmentations.def"
#undef AUGMENT
  };
  return all;
}

Augmentation::Augmentation(const Json& spec, const std::string& where) {
  if (spec.is_null() || spec == "none") return;
  const Json list = spec.is_array() ? spec : Json::array({spec});
  for (const auto& [name, options] : named_options(list, where, "an augmentation of texts"))
    add(name, options, where);
}

void Augmentation::add(const std::string& name, const Json& options, const std::string& where) {
  const AugmentRecord& record = find_in(augmentations(), name, "augmentation of texts");
  const std::string place = where + ": " + name;
  steps_.push_back(record.make(Options(record.options, options, place), place));
}

Tokens Augmentation::apply(const Preprocess& preprocess, std::string first,
                           std::optional<std::string> second, Rng& rng) const {
  for (const auto& step : steps_) {
    first = step->apply(std::move(first), rng);
    if (second) second = step->apply(std::move(*second), rng);
  }
  Tokens tokens = preprocess.apply(first, second);
  for (const auto& step : steps_) step->apply_to_tokens(tokens, rng, *preprocess.tokenizer);
  return tokens;
}

bool Augmentation::random() const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [](const auto& step) { return step->changes(); });
}

void Augmentation::check(const Tokenizer& tokenizer) const {
  for (const auto& step : steps_) step->check(tokenizer);
}

}  // namespace graft::texts
