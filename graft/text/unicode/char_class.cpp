#include "graft/text/unicode/char_class.h"

#include <unicode/uchar.h>

#include <vector>

#include "graft/text/unicode/newer.h"

namespace graft::texts {
namespace {

constexpr std::array<CharClass, 128> ascii_classes() {
  std::array<CharClass, 128> classes{};
  for (size_t c = 0; c < 128; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    classes[c] = letter                 ? CharClass::letter
                 : c >= '0' && c <= '9' ? CharClass::number
                 : space                ? CharClass::space
                                        : CharClass::other;
  }
  return classes;
}

CharClass compute(char32_t c) {
  c = older_like(c);
  const uint32_t category = U_MASK(u_charType(static_cast<UChar32>(c)));
  if ((category & U_GC_L_MASK) != 0) return CharClass::letter;
  if ((category & U_GC_N_MASK) != 0) return CharClass::number;
  return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0 ? CharClass::space : CharClass::other;
}

}  // namespace

constinit const std::array<CharClass, 128> detail::kAsciiClasses = ascii_classes();

CharClass slow_class_of(char32_t c) {
  constexpr char32_t kTable = 0x10000;
  static const std::vector<CharClass> table = [] {
    std::vector<CharClass> classes(kTable);
    for (char32_t i = 0; i < kTable; ++i) classes[i] = compute(i);
    return classes;
  }();
  return c < kTable ? table[c] : compute(c);
}

}  // namespace graft::texts
