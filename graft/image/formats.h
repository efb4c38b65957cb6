#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "graft/image/codec.h"

/// What codec.cpp dispatches to; one source file a format.
namespace graft::image::detail {

using Bytes = std::span<const uint8_t>;

/// Throws unless both sides are positive and within kMaxSide and kMaxPixels.
void check_size(int64_t width, int64_t height, const std::string& where);

Image decode_jpeg(Bytes bytes, const std::string& where, int min_short_side);
Image decode_png(Bytes bytes, const std::string& where);
Image decode_webp(Bytes bytes, const std::string& where);

Dimensions probe_jpeg(Bytes bytes, const std::string& where);
Dimensions probe_png(Bytes bytes, const std::string& where);
Dimensions probe_webp(Bytes bytes, const std::string& where);

}  // namespace graft::image::detail
