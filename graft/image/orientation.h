#pragma once

#include <cstdint>
#include <span>

#include "graft/image/codec.h"

namespace graft::image::detail {

/// The orientation (1 to 8) in an EXIF block that starts with its TIFF header ("II*" or "MM.*"); 1
/// when it has none, or is damaged: metadata never makes an image unreadable. (EXIF 2.32, tag
/// 0x0112.)
int exif_orientation(std::span<const uint8_t> tiff);

/// The picture turned and mirrored so that row 0 is its top.
Image upright(Image image, int orientation);
Dimensions upright(Dimensions stored, int orientation);

}  // namespace graft::image::detail
