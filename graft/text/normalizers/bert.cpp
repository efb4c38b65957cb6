#include <array>

#include "graft/text/normalizer.h"
#include "graft/text/unicode/properties.h"

namespace graft::texts {
namespace {

/// BasicTokenizer of BERT (Devlin et al. 2018): cleaning, spaces around Chinese characters,
/// accents, case.
class Bert : public Normalizer {
 public:
  explicit Bert(const Node& node)
      : clean_(node.boolean("clean_text")),
        cjk_(node.boolean("handle_chinese_chars")),
        lowercase_(node.boolean("lowercase")),
        strip_accents_(node.boolean("strip_accents", lowercase_)) {
    for (int c = 0; c < 128; ++c) {
      char to = static_cast<char>(c);
      if (clean_ && (c == '\t' || c == '\n' || c == '\r')) to = ' ';
      if (lowercase_ && c >= 'A' && c <= 'Z') to = static_cast<char>(c + ('a' - 'A'));
      const bool control = c < ' ' || c == 0x7f;
      ascii_[static_cast<size_t>(c)] = clean_ && control && to != ' ' ? kDropped : to;
    }
  }

  void apply(AlignedText& text) const override {
    if (is_ascii(text.text)) {
      apply_to_ascii(text);
      return;
    }
    if (clean_) clean(text);
    if (cjk_) space_cjk(text);
    if (strip_accents_) {
      to_normal_form(text, NormalForm::nfd);
      filter(text, [](char32_t c) { return !is_nonspacing_mark(c); });
    }
    if (lowercase_) lowercase(text);
  }

 private:
  static constexpr char kDropped = '\x80';

  void apply_to_ascii(AlignedText& text) const {
    size_t written = 0;
    for (size_t i = 0; i < text.text.size(); ++i) {
      const char c = ascii_[static_cast<uint8_t>(text.text[i])];
      if (c == kDropped) continue;
      if (text.tracked) text.origins[written] = text.origins[i];
      text.text[written++] = c;
    }
    text.text.resize(written);
    if (text.tracked) text.origins.resize(written);
  }

  static void clean(AlignedText& text) {
    const auto is_break = [](char32_t c) { return c == '\t' || c == '\n' || c == '\r'; };
    filter(text,
           [&](char32_t c) { return c != 0 && c != 0xfffd && (is_break(c) || !is_control(c)); });
    map_characters(text, [&](char32_t c) { return is_break(c) || is_space(c) ? U' ' : c; });
  }

  static void space_cjk(AlignedText& text) {
    std::vector<Change> changes;
    bool found = false;
    for (const char32_t c : characters_of(text.text)) {
      if (is_cjk(c)) {
        changes.insert(changes.end(), {{U' ', 0}, {c, 1}, {U' ', 1}});
        found = true;
      } else {
        changes.push_back({c, 0});
      }
    }
    if (found) apply_changes(text, changes);
  }

  bool clean_;
  bool cjk_;
  bool lowercase_;
  bool strip_accents_;
  std::array<char, 128> ascii_{};  ///< what becomes of each ASCII character
};

}  // namespace

std::unique_ptr<const Normalizer> make_bert_normalizer(const Node& node, int /*depth*/) {
  return std::make_unique<Bert>(node);
}

}  // namespace graft::texts
