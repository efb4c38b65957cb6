#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace graft::image {

/// The letters of labels: misc-fixed 7x13 bold of the X Window System (public domain), printable
/// ASCII and Latin-1.
inline constexpr int kGlyphWidth = 7;
inline constexpr int kGlyphHeight = 13;  ///< 11 above the line that letters stand on, 2 below it

/// A row of pixels each, from the top; bit 6 is the leftmost one.
using Glyph = std::array<uint8_t, kGlyphHeight>;

/// Takes the first character off UTF-8 text and gives its picture: that of '?' where the font lacks
/// it, and for a byte that is not UTF-8. The text must not be empty.
const Glyph& next_glyph(std::string_view& text);

/// How many glyphs the text has.
int glyph_count(std::string_view text);

}  // namespace graft::image
