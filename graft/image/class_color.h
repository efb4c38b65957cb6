#pragma once

#include <cstdint>

namespace graft::image {

struct Color {
  uint8_t red = 0, green = 0, blue = 0;
  bool operator==(const Color&) const = default;
};

inline constexpr Color kBlack{0, 0, 0}, kWhite{255, 255, 255};

/// The colour of a class, from 0 on; always the same one. Neighbours lie far apart, the first
/// three hundred are all different, and none is so light or dark that it is lost on a picture.
Color class_color(int label);

/// Black or white: what is read better on `ground`, with a contrast of at least 4.5 (WCAG 2.2).
Color ink_on(Color ground);

/// Relative luminance of WCAG 2.2, from 0 to 1.
double luminance(Color color);

}  // namespace graft::image
