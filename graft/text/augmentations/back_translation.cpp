#include <unordered_map>

#include "graft/base/error.h"
#include "graft/text/augment.h"
#include "graft/text/augment_files.h"

namespace graft::texts {
namespace {

class BackTranslation final : public Augment {
 public:
  BackTranslation(const std::string& file, double p, const std::string& where) : p_(p) {
    for (const auto& [number, line] : numbered_lines(file, where)) {
      std::vector<std::string> parts = split_at(line, '\t');
      if (parts.size() < 2 || parts[0].empty() || parts[1].empty()) {
        fail_unreadable(
            "{}, line {}: expected a text, a tab and what translating it there and back gave", file,
            number);
      }
      auto& ways = ways_[parts[0]];
      ways.insert(ways.end(), parts.begin() + 1, parts.end());
    }
    if (ways_.empty()) fail_unreadable("{}: {} holds no texts", where, file);
  }

  std::string apply(std::string text, Rng& rng) const override {
    const bool wanted = rng.chance(p_);
    const uint64_t drawn = rng.next();
    const auto found = wanted ? ways_.find(trimmed(text)) : ways_.end();
    return found == ways_.end() ? text : found->second[drawn % found->second.size()];
  }
  bool changes() const override { return p_ > 0; }

 private:
  double p_;
  std::unordered_map<std::string, std::vector<std::string>> ways_;
};

}  // namespace

AugmentRecord back_translation_augment() {
  return {{"back_translation",
           "puts another wording of the whole text in its place, from a file that you made",
           {graft::text("file", nullptr,
                        "a line each: the text, a tab, another wording (and more, after tabs)"),
            number("p", 0.5, "probability of each text that has other wordings").between(0, 1)},
           "Sennrich et al. 2016, arXiv:1511.06709"},
          [](const Options& options, const std::string& where) -> std::unique_ptr<const Augment> {
            return std::make_unique<BackTranslation>(file_of(options, where), options.number("p"),
                                                     where);
          }};
}

}  // namespace graft::texts
