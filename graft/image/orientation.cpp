#include "graft/image/orientation.h"

#include <cstring>
#include <utility>

#include "graft/image/resize.h"

namespace graft::image::detail {
namespace {

constexpr uint16_t kOrientationTag = 0x0112;

/// Reads of a TIFF block, in its byte order; out of bounds gives 0.
class TiffReader {
 public:
  TiffReader(std::span<const uint8_t> data, bool big_endian) : data_(data), big_(big_endian) {}

  uint16_t u16(size_t at) const {
    if (at + 2 > data_.size()) return 0;
    return static_cast<uint16_t>(big_ ? data_[at] << 8 | data_[at + 1]
                                      : data_[at + 1] << 8 | data_[at]);
  }
  uint32_t u32(size_t at) const {
    const uint32_t first = u16(at), second = u16(at + 2);
    return big_ ? first << 16 | second : second << 16 | first;
  }

 private:
  std::span<const uint8_t> data_;
  bool big_;
};

bool swaps_sides(int orientation) {
  return orientation >= 5;
}

}  // namespace

int exif_orientation(std::span<const uint8_t> tiff) {
  if (tiff.size() < 8) return 1;
  const bool big = std::memcmp(tiff.data(), "MM\0*", 4) == 0;
  if (!big && std::memcmp(tiff.data(), "II*\0", 4) != 0) return 1;
  const TiffReader reader(tiff, big);
  const size_t directory = reader.u32(4);
  const size_t entries = reader.u16(directory);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.size()) break;
    if (reader.u16(entry) != kOrientationTag) continue;
    constexpr uint16_t kShort = 3, kLong = 4;
    const uint16_t type = reader.u16(entry + 2);
    const uint32_t value = type == kShort  ? reader.u16(entry + 8)
                           : type == kLong ? reader.u32(entry + 8)
                                           : 1;
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Dimensions upright(Dimensions stored, int orientation) {
  if (swaps_sides(orientation)) std::swap(stored.width, stored.height);
  return stored;
}

Image upright(Image image, int orientation) {
  if (swaps_sides(orientation)) image = transpose(image);
  // After the transpose, 5 to 8 are the same four mirrorings as 1 to 4.
  switch (orientation) {
    case 2:
    case 6:
      return hflip(std::move(image));
    case 4:
    case 8:
      return vflip(std::move(image));
    case 3:
    case 7:
      return hflip(vflip(std::move(image)));
    default:
      return image;
  }
}

}  // namespace graft::image::detail
