#include <algorithm>

#include "graft/text/augment.h"
#include "graft/text/words.h"

namespace graft::texts {
namespace {

class RandomDeletion final : public Augment {
 public:
  explicit RandomDeletion(double p) : p_(p) {}
  std::string apply(std::string text, Rng& rng) const override {
    std::vector<Word> words = split_words(text);
    if (words.size() < 2) return text;
    std::vector<Word> kept;
    kept.reserve(words.size());
    const size_t spared = rng.below(words.size());  // a text never loses all
    for (size_t i = 0; i < words.size(); ++i) {
      const bool drop = rng.chance(p_);
      if (!drop || i == spared) kept.push_back(std::move(words[i]));
    }
    return join(kept);
  }
  bool changes() const override { return p_ > 0; }

 private:
  double p_;
};

}  // namespace

AugmentRecord random_deletion_augment() {
  return {{"random_deletion",
           "leaves out words; at least one stays",
           {number("p", 0.1, "probability of each word to be left out").between(0, 1)},
           "Wei and Zou 2019, arXiv:1901.11196"},
          [](const Options& options, const std::string&) -> std::unique_ptr<const Augment> {
            return std::make_unique<RandomDeletion>(options.number("p"));
          }};
}

}  // namespace graft::texts
