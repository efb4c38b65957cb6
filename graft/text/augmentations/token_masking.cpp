#include <algorithm>
#include <optional>

#include "graft/base/error.h"
#include "graft/text/augment.h"

namespace graft::texts {
namespace {

std::optional<uint32_t> stand_in(const Tokenizer& tokenizer) {
  const auto mask = tokenizer.special_id("mask_token");
  return mask ? mask : tokenizer.special_id("unk_token");
}

/// What says where a text begins and ends is no part of it.
std::vector<int32_t> kept_tokens(const Tokenizer& tokenizer) {
  std::vector<int32_t> kept;
  for (const char* purpose : {"bos_token", "eos_token", "cls_token", "sep_token", "pad_token"}) {
    if (const auto id = tokenizer.special_id(purpose)) kept.push_back(static_cast<int32_t>(*id));
  }
  return kept;
}

class TokenMasking final : public Augment {
 public:
  explicit TokenMasking(double p) : p_(p) {}
  void apply_to_tokens(Tokens& tokens, Rng& rng, const Tokenizer& tokenizer) const override {
    const auto mask = static_cast<int32_t>(*stand_in(tokenizer));
    const std::vector<int32_t> kept = kept_tokens(tokenizer);
    for (int32_t& id : tokens.ids) {
      if (rng.chance(p_) && std::find(kept.begin(), kept.end(), id) == kept.end()) id = mask;
    }
  }
  bool changes() const override { return p_ > 0; }
  void check(const Tokenizer& tokenizer) const override {
    if (stand_in(tokenizer)) return;
    fail_usage(
        "augment: token_masking needs a mask_token or unk_token, and the tokenizer names neither; "
        "give another augmentation, such as random_deletion");
  }

 private:
  double p_;
};

}  // namespace

AugmentRecord token_masking_augment() {
  return {{"token_masking",
           "hides tokens behind the mask token (or the unknown one, where there is no other); "
           "special ones stay",
           {number("p", 0.1, "probability of each token to be hidden").between(0, 1)},
           "Devlin et al. 2019, arXiv:1810.04805"},
          [](const Options& options, const std::string&) -> std::unique_ptr<const Augment> {
            return std::make_unique<TokenMasking>(options.number("p"));
          }};
}

}  // namespace graft::texts
