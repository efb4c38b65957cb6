#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "graft/image/image.h"

namespace graft::image {

/// The most pixels a file may declare: Pillow's limit against decompression bombs, a gigabyte of
/// RGBA.
inline constexpr int64_t kMaxPixels = 178'956'970;
/// The longest side; with kMaxPixels it bounds what resizing needs for its weights.
inline constexpr int kMaxSide = 65'535;

struct Dimensions {
  int width = 0;
  int height = 0;
  bool operator==(const Dimensions&) const = default;
};

/// Decodes JPEG, PNG or WebP (told by their first bytes) into 8-bit RGB, upright: an EXIF
/// orientation is applied. The pixels are those of Pillow's `exif_transpose(image).convert("RGB")`:
/// grey is repeated, palettes are looked up, alpha is dropped, CMYK and YCCK follow Adobe's
/// inverted convention, of an animation the first frame counts. One difference: 16-bit grey keeps
/// its high byte, as 16-bit colour does, where Pillow clips at 255 and so turns nearly every such
/// picture white.
///
/// `where` names the source in errors (exit code 3): unknown formats, sides of 0, more than
/// kMaxPixels or kMaxSide (checked before allocating), damage and truncation.
///
/// `min_short_side` > 0 lets JPEG decode at 1/2, 1/4 or 1/8 while the shorter side stays at least
/// that long: several times faster for big photographs, and slightly other pixels, hence off by
/// default.
Image decode(std::span<const uint8_t> bytes, const std::string& where, int min_short_side = 0);

/// Reads and decodes a file.
Image load(const std::filesystem::path& path, int min_short_side = 0);

/// Size of the upright image that decode would return, from the headers only, with the same limits.
Dimensions probe(std::span<const uint8_t> bytes, const std::string& where);
Dimensions probe(const std::filesystem::path& path);

/// Baseline JPEG with 4:2:0 chroma; quality 1 to 100 on libjpeg's scale.
std::vector<uint8_t> encode_jpeg(const Image& image, int quality = 90);
std::vector<uint8_t> encode_png(const Image& image);

}  // namespace graft::image
