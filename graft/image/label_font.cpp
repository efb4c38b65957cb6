#include "graft/image/label_font.h"

#include "graft/base/error.h"
#include "graft/base/utf8.h"

namespace graft::image {
namespace {

constexpr unsigned kAscii = 0x20, kAsciiEnd = 0x7F;
constexpr unsigned kLatin = 0xA0, kLatinEnd = 0x100;
constexpr size_t kLatinAt = kAsciiEnd - kAscii;

constexpr std::array<Glyph, kLatinAt + kLatinEnd - kLatin> kGlyphs{{
#include "graft/image/label_font.inc"
}};

const Glyph& glyph(unsigned code) {
  if (code >= kAscii && code < kAsciiEnd) return kGlyphs[code - kAscii];
  if (code >= kLatin && code < kLatinEnd) return kGlyphs[code - kLatin + kLatinAt];
  return kGlyphs['?' - kAscii];
}

}  // namespace

const Glyph& next_glyph(std::string_view& text) {
  GRAFT_ASSERT(!text.empty());
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  size_t length = 1;
  while (length < text.size() && !starts_character(text[length])) ++length;
  unsigned code = 0;
  // Latin-1 is all that lies behind ASCII and has two bytes with these lead bytes.
  if (length == 1) code = byte(0);
  if (length == 2 && (byte(0) == 0xC2 || byte(0) == 0xC3))
    code = (byte(0) & 3U) << 6 | (byte(1) & 0x3FU);
  // A lone byte above ASCII is no character, whatever Latin-1 has at its place.
  if (length == 1 && code >= kAsciiEnd) code = 0;
  text.remove_prefix(length);
  return glyph(code);
}

int glyph_count(std::string_view text) {
  int count = 0;
  for (; !text.empty(); ++count) next_glyph(text);
  return count;
}

}  // namespace graft::image
