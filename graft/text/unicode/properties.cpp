#include "graft/text/unicode/properties.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <array>

#include "graft/text/unicode/newer.h"

namespace graft::texts {
namespace {

UChar32 icu(char32_t c) {
  return static_cast<UChar32>(c);
}

uint32_t category(char32_t c) {
  return U_MASK(u_charType(icu(c)));
}

bool ascii_punctuation(char32_t c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

bool compute_word(char32_t c) {
  constexpr uint32_t kMask = U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK;
  return (category(c) & kMask) != 0 || u_hasBinaryProperty(icu(c), UCHAR_ALPHABETIC) != 0 ||
         u_hasBinaryProperty(icu(c), UCHAR_JOIN_CONTROL) != 0 || in_newer_words(c);
}

bool compute_punctuation(char32_t c) {
  if (ascii_punctuation(c) || c == 0x166d || c == 0x111c9) return true;
  return (category(c) & U_GC_P_MASK) != 0 && assigned_in(c, 8, 0);
}

bool compute_control(char32_t c) {
  constexpr uint32_t kMask = U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK;
  return (category(c) & kMask) != 0 && assigned_in(c, 8, 0);
}

bool compute_nonspacing(char32_t c) {
  // What changed its category after Unicode 8.
  if (c == 0x1885 || c == 0x1886 || c == 0xa9bd || c == 0x111c9) return false;
  if (c == 0x1734) return true;
  return (category(c) & U_GC_MN_MASK) != 0 && assigned_in(c, 8, 0);
}

enum : uint8_t { kSpace = 1, kNumeric = 2, kWord = 4, kPunctuation = 8, kControl = 16, kMark = 32 };

uint8_t compute(char32_t c) {
  uint8_t bits = 0;
  if (u_isUWhiteSpace(icu(c)) != 0) bits |= kSpace;
  if ((category(c) & U_GC_N_MASK) != 0 || in_newer_numbers(c)) bits |= kNumeric;
  if (compute_word(c)) bits |= kWord;
  if (compute_punctuation(c)) bits |= kPunctuation;
  if (compute_control(c)) bits |= kControl;
  if (compute_nonspacing(c)) bits |= kMark;
  return bits;
}

/// The properties of the first planes' common part, computed once; texts rarely leave it.
constexpr char32_t kTable = 0x10000;

uint8_t bits_of(char32_t c) {
  static const std::vector<uint8_t> table = [] {
    std::vector<uint8_t> bits(kTable);
    for (char32_t i = 0; i < kTable; ++i) bits[i] = compute(i);
    return bits;
  }();
  return c < kTable ? table[c] : compute(c);
}

}  // namespace

bool assigned_in(char32_t c, int major, int minor) {
  std::array<uint8_t, U_MAX_VERSION_LENGTH> age{};
  u_charAge(icu(c), age.data());
  return age[0] != 0 && (age[0] < major || (age[0] == major && age[1] <= minor));
}

bool is_space(char32_t c) {
  return (bits_of(c) & kSpace) != 0;
}
bool is_numeric(char32_t c) {
  return (bits_of(c) & kNumeric) != 0;
}
bool is_word(char32_t c) {
  return (bits_of(c) & kWord) != 0;
}
bool is_punctuation(char32_t c) {
  return (bits_of(c) & kPunctuation) != 0;
}
bool is_control(char32_t c) {
  return (bits_of(c) & kControl) != 0;
}
bool is_nonspacing_mark(char32_t c) {
  return (bits_of(c) & kMark) != 0;
}

bool is_combining_mark(char32_t c) {
  if (c == 0x1cf2 || c == 0x1cf3) return true;
  if (c == 0x111c9) return false;
  return (category(c) & U_GC_M_MASK) != 0 && assigned_in(c, 9, 0);
}

bool is_cjk(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
         (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
         (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

void append_lower(char32_t c, std::vector<char32_t>& out) {
  if (c == 0x130) {
    out.insert(out.end(), {U'i', U'\u0307'});
    return;
  }
  const auto lower = static_cast<char32_t>(u_tolower(icu(c)));
  out.push_back(lower == c ? newer_lower(c) : lower);
}

int script_of(char32_t c) {
  if (c == 0x61c || c == 0x589) return USCRIPT_COMMON;
  if (c == 0x953 || c == 0x954) return USCRIPT_DEVANAGARI;
  if (!assigned_in(c, 9, 0)) return -1;
  UErrorCode status = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(icu(c), &status);
  return U_FAILURE(status) || script == USCRIPT_UNKNOWN ? -1 : script;
}

static_assert(kScriptHan == USCRIPT_HAN && kScriptHiragana == USCRIPT_HIRAGANA &&
              kScriptKatakana == USCRIPT_KATAKANA);

}  // namespace graft::texts
