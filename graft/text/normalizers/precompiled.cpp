#include "graft/text/base64.h"
#include "graft/text/charsmap.h"
#include "graft/text/normalizer.h"
#include "graft/text/unicode/grapheme.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

// Longer clusters are looked up character by character.
constexpr size_t kLongestCluster = 5;

/// The charsmap of sentencepiece in the way of `tokenizers`: by grapheme clusters, each replaced as
/// a whole by the rule for its shortest beginning.
class Precompiled : public Normalizer {
 public:
  explicit Precompiled(CharsMap rules) : rules_(std::move(rules)) {}

  void apply(AlignedText& text) const override {
    std::vector<Change> changes;
    bool changed = false;
    const std::string_view all = text.text;
    for (size_t at = 0; at < all.size();) {
      const size_t end = grapheme_end(all, at);
      if (end - at <= kLongestCluster && replace(all.substr(at, end - at), changes)) {
        changed = true;
      } else {
        for (size_t i = at; i < end;) {
          const Utf8Char c = utf8_at(all, i);
          if (replace(all.substr(i, c.bytes), changes)) {
            changed = true;
          } else {
            changes.push_back({c.code, 0});
          }
          i += c.bytes;
        }
      }
      at = end;
    }
    if (changed) apply_changes(text, changes);
  }

 private:
  /// A longer text is inserted at its end, a shorter one swallows at its last character.
  bool replace(std::string_view part, std::vector<Change>& changes) const {
    const auto rule = rules_.shortest(part);
    if (!rule) return false;
    const auto old_count = static_cast<int>(count_characters(part));
    const std::vector<char32_t> fresh = characters_of(rule->content);
    const int difference = static_cast<int>(fresh.size()) - old_count;
    for (size_t i = 0; i < fresh.size(); ++i)
      changes.push_back({fresh[i], static_cast<int>(i) >= old_count ? 1 : 0});
    if (difference < 0 && !changes.empty()) changes.back().change += difference;
    return true;
  }

  CharsMap rules_;
};

}  // namespace

std::unique_ptr<const Normalizer> make_precompiled_normalizer(const Node& node, int /*depth*/) {
  const Node map = node.at("precompiled_charsmap");
  if (map.is_null()) return std::make_unique<Precompiled>(CharsMap());
  const auto blob = decode_base64(map.text());
  if (!blob) map.refuse("base64");
  return std::make_unique<Precompiled>(CharsMap(*blob, map.where()));
}

}  // namespace graft::texts
