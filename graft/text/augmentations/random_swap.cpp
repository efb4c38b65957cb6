#include <algorithm>
#include <cmath>

#include "graft/text/augment.h"
#include "graft/text/words.h"

namespace graft::texts {
namespace {

class RandomSwap final : public Augment {
 public:
  explicit RandomSwap(double share) : share_(share) {}
  std::string apply(std::string text, Rng& rng) const override {
    std::vector<Word> words = split_words(text);
    if (words.size() < 2 || share_ == 0) return text;
    const auto swaps = std::max<int64_t>(
        1, static_cast<int64_t>(std::llround(share_ * static_cast<double>(words.size()))));
    for (int64_t i = 0; i < swaps; ++i) {
      const size_t a = rng.below(words.size());
      const size_t b = (a + 1 + rng.below(words.size() - 1)) % words.size();
      // White space stays where it is.
      std::swap(words[a].text, words[b].text);
    }
    return join(words);
  }
  bool changes() const override { return share_ > 0; }

 private:
  double share_;
};

}  // namespace

AugmentRecord random_swap_augment() {
  return {{"random_swap",
           "exchanges pairs of words, at least one",
           {number("share", 0.1, "pairs, as a share of the words").between(0, 1)},
           "Wei and Zou 2019, arXiv:1901.11196"},
          [](const Options& options, const std::string&) -> std::unique_ptr<const Augment> {
            return std::make_unique<RandomSwap>(options.number("share"));
          }};
}

}  // namespace graft::texts
