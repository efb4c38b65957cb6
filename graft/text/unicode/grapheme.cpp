#include "graft/text/unicode/grapheme.h"

#include <unicode/uchar.h>

#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

int break_class(char32_t c) {
  return u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_GRAPHEME_CLUSTER_BREAK);
}

bool is_pictographic(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_EXTENDED_PICTOGRAPHIC) != 0;
}

bool is_control_class(int kind) {
  return kind == U_GCB_CONTROL || kind == U_GCB_CR || kind == U_GCB_LF;
}

/// GB6 to GB8: Hangul syllables.
bool joins_hangul(int left, int right) {
  if (left == U_GCB_L)
    return right == U_GCB_L || right == U_GCB_V || right == U_GCB_LV || right == U_GCB_LVT;
  if (left == U_GCB_LV || left == U_GCB_V) return right == U_GCB_V || right == U_GCB_T;
  return (left == U_GCB_LVT || left == U_GCB_T) && right == U_GCB_T;
}

}  // namespace

size_t grapheme_end(std::string_view text, size_t at) {
  Utf8Char next = utf8_at(text, at);
  int left = break_class(next.code);
  bool after_picture = is_pictographic(next.code);  // a picture, then Extend*
  bool joined_picture = false;                      // and then a joiner
  int flags = left == U_GCB_REGIONAL_INDICATOR ? 1 : 0;
  at += next.bytes;
  while (at < text.size()) {
    next = utf8_at(text, at);
    const int right = break_class(next.code);
    bool join = false;
    if (left == U_GCB_CR || is_control_class(left) || is_control_class(right)) {
      join = left == U_GCB_CR && right == U_GCB_LF;
    } else {
      join =
          joins_hangul(left, right) || right == U_GCB_EXTEND || right == U_GCB_ZWJ ||
          right == U_GCB_SPACING_MARK || left == U_GCB_PREPEND ||
          (joined_picture && is_pictographic(next.code)) ||
          (right == U_GCB_REGIONAL_INDICATOR && left == U_GCB_REGIONAL_INDICATOR && flags % 2 == 1);
    }
    if (!join) return at;
    joined_picture = after_picture && right == U_GCB_ZWJ;
    after_picture = is_pictographic(next.code) || (after_picture && right == U_GCB_EXTEND);
    flags = right == U_GCB_REGIONAL_INDICATOR ? flags + 1 : 0;
    left = right;
    at += next.bytes;
  }
  return at;
}

}  // namespace graft::texts
