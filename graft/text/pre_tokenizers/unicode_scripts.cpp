#include <optional>

#include "graft/text/pre_tokenizer.h"
#include "graft/text/unicode/properties.h"

namespace graft::texts {
namespace {

constexpr int kAny = -1;

/// sentencepiece's view: Japanese is written in one script.
int script(char32_t c) {
  if (c == 0x30fc) return kScriptHan;
  if (c == ' ') return kAny;
  const int found = script_of(c);
  return found == kScriptHiragana || found == kScriptKatakana ? kScriptHan : found;
}

class UnicodeScripts : public PreTokenizer {
 public:
  void apply(Pieces& pieces) const override {
    pieces.split([](std::string_view text, std::vector<Part>& parts) {
      // What stands before the first character that has a script is dropped, as in the original.
      std::optional<int> last;
      for (uint32_t at = 0; at < text.size();) {
        const Utf8Char next = utf8_at(text, at);
        const int own = script(next.code);
        if (own != kAny && last != own) {
          parts.push_back({at, at, false});
          last = own;
        }
        at += next.bytes;
        if (!parts.empty()) parts.back().end = at;
      }
    });
  }
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_unicode_scripts_pre_tokenizer(const Node& /*node*/,
                                                                       int /*depth*/) {
  return std::make_unique<UnicodeScripts>();
}

}  // namespace graft::texts
