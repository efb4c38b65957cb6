#include "graft/text/word_scanner.h"

#include <algorithm>
#include <array>

#include "graft/text/unicode/char_class.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

constexpr const char* kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* kCl100k =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kOneDigit =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

class Scanner {
 public:
  explicit Scanner(std::string_view text)
      : text_(text), size_(static_cast<uint32_t>(text.size())) {}

  bool done(uint32_t at) const { return at >= size_; }
  char byte(uint32_t at) const { return at < size_ ? text_[at] : '\0'; }
  CharClass kind(uint32_t at) const {
    return at < size_ ? class_of(utf8_at(text_, at).code) : CharClass::end;
  }
  uint32_t next(uint32_t at) const { return at + utf8_length(text_[at]); }
  /// Behind the run of characters of a class, at most `most` of them.
  uint32_t run(uint32_t at, CharClass wanted, uint32_t most = UINT32_MAX) const {
    for (; most > 0 && kind(at) == wanted; --most) at = next(at);
    return at;
  }
  /// Bytes of an English contraction with its apostrophe, or 0.
  uint32_t contraction(uint32_t at, bool any_case) const {
    if (byte(at) != '\'') return 0;
    const auto letter = [&](uint32_t i) {
      const char c = byte(at + i);
      return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    };
    const char first = letter(1);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    // Without regard to case, the long s is an s.
    if (any_case && text_.substr(at + 1).starts_with("\u017f")) return 3;
    const char second = letter(2);
    const bool long_form = (first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
                           (first == 'l' && second == 'l');
    return long_form ? 3 : 0;
  }
  /// Behind the white space at `at`: \s+(?!\S)|\s+, which leaves the last one to a word.
  uint32_t spaces(uint32_t at) const {
    uint32_t end = at;
    uint32_t last = at;
    while (kind(end) == CharClass::space) {
      last = end;
      end = next(end);
    }
    return done(end) || last == at ? end : last;
  }

  uint32_t gpt2(uint32_t at) const {
    if (const uint32_t bytes = contraction(at, false)) return at + bytes;
    const uint32_t start = byte(at) == ' ' ? at + 1 : at;
    const CharClass first = kind(start);
    if (first != CharClass::space && first != CharClass::end) return run(start, first);
    return spaces(at);
  }

  uint32_t cl100k(uint32_t at, uint32_t digits) const {
    if (const uint32_t bytes = contraction(at, true)) return at + bytes;
    const CharClass first = kind(at);
    if (first == CharClass::letter) return run(at, CharClass::letter);
    const bool line_break = byte(at) == '\r' || byte(at) == '\n';
    if (first != CharClass::number && !line_break) {
      const uint32_t behind = next(at);
      if (kind(behind) == CharClass::letter) return run(behind, CharClass::letter);
    }
    if (first == CharClass::number) return run(at, CharClass::number, digits);
    const uint32_t start = byte(at) == ' ' ? at + 1 : at;
    if (kind(start) == CharClass::other) {
      uint32_t end = run(start, CharClass::other);
      while (byte(end) == '\r' || byte(end) == '\n') ++end;
      return end;
    }
    if (const uint32_t end = line_end(at)) return end;
    return spaces(at);
  }

 private:
  /// Behind the last line break of the white space at `at`, or 0 when it has none.
  uint32_t line_end(uint32_t at) const {
    uint32_t end = 0;
    while (kind(at) == CharClass::space) {
      const bool line_break = byte(at) == '\r' || byte(at) == '\n';
      at = next(at);
      if (line_break) end = at;
    }
    return end;
  }

  std::string_view text_;
  uint32_t size_;
};

}  // namespace

const char* pattern_text(WordPattern pattern) {
  switch (pattern) {
    case WordPattern::gpt2:
      return kGpt2;
    case WordPattern::cl100k:
      return kCl100k;
    case WordPattern::one_digit:
      return kOneDigit;
  }
  return kGpt2;
}

std::optional<WordPattern> scanner_for(const std::string& pattern) {
  for (const auto known : {WordPattern::gpt2, WordPattern::cl100k, WordPattern::one_digit}) {
    if (pattern == pattern_text(known)) return known;
  }
  return std::nullopt;
}

void scan_words(std::string_view text, WordPattern pattern, std::vector<Match>& words) {
  const Scanner scanner(text);
  for (uint32_t at = 0; !scanner.done(at);) {
    uint32_t end = at;
    switch (pattern) {
      case WordPattern::gpt2:
        end = scanner.gpt2(at);
        break;
      case WordPattern::cl100k:
        end = scanner.cl100k(at, 3);
        break;
      case WordPattern::one_digit:
        end = scanner.cl100k(at, 1);
        break;
    }
    words.push_back({at, end});
    at = end;
  }
}

}  // namespace graft::texts
