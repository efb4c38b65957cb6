#include "graft/text/pattern.h"
#include "graft/text/pre_tokenizer.h"
#include "graft/text/word_scanner.h"

namespace graft::texts {
namespace {

class Split : public PreTokenizer {
 public:
  Split(Regex pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)),
        scanner_(scanner_for(pattern_.pattern())),
        behavior_(behavior),
        invert_(invert) {}

  void apply(Pieces& pieces) const override {
    std::vector<Match> matches;
    pieces.split([&](std::string_view text, std::vector<Part>& parts) {
      matches.clear();
      if (scanner_) {
        scan_words(text, *scanner_, matches);
      } else {
        pattern_.find_all(text, matches);
      }
      parts_of(matches, static_cast<uint32_t>(text.size()), invert_, parts);
      merge_parts(parts, behavior_);
    });
  }

 private:
  Regex pattern_;
  std::optional<WordPattern> scanner_;  ///< for patterns that have code of their own
  SplitBehavior behavior_;
  bool invert_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_split_pre_tokenizer(const Node& node, int /*depth*/) {
  return std::make_unique<Split>(read_pattern(node.at("pattern")),
                                 read_behavior(node.at("behavior")), node.boolean("invert"));
}

}  // namespace graft::texts
