#include "graft/image/codec.h"

#include <cstring>
#include <string_view>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/image/formats.h"

namespace graft::image {
namespace {

using detail::Bytes;

constexpr size_t kMaxFileBytes = size_t{1} << 30;

enum class Format { jpeg, png, webp };

bool has(Bytes bytes, size_t at, std::string_view text) {
  return bytes.size() >= at + text.size() &&
         std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

/// The name of a known format that is not read here, for the message.
const char* other_format(Bytes bytes) {
  if (has(bytes, 0, "GIF8")) return "a GIF";
  if (has(bytes, 0, "BM")) return "a BMP";
  if (has(bytes, 0, "II*") || has(bytes, 0, std::string_view("MM\0*", 4))) return "a TIFF";
  if (has(bytes, 4, "ftypavif")) return "an AVIF";
  if (has(bytes, 4, "ftyp")) return "a HEIF or video";
  if (has(bytes, 0, "<svg") || has(bytes, 0, "<?xml")) return "an SVG or XML";
  if (has(bytes, 0, "<")) return "an HTML";
  if (has(bytes, 0, "version https://git-lfs")) return "a Git LFS pointer";
  return "an unknown";
}

Format format_of(Bytes bytes, const std::string& where) {
  if (bytes.empty()) fail_unreadable("{}: the image file is empty", where);
  if (has(bytes, 0, "\xff\xd8\xff")) return Format::jpeg;
  if (has(bytes, 0, "\x89PNG\r\n\x1a\n")) return Format::png;
  if (has(bytes, 0, "RIFF") && has(bytes, 8, "WEBP")) return Format::webp;
  fail_unreadable("{}: {} file; images must be JPEG, PNG or WebP (convert it first)", where,
                  other_format(bytes));
}

}  // namespace

void detail::check_size(int64_t width, int64_t height, const std::string& where) {
  if (width <= 0 || height <= 0) {
    fail_unreadable("{}: the image declares {} x {} pixels; both sides must be positive", where,
                    width, height);
  }
  if (width > kMaxSide || height > kMaxSide || width * height > kMaxPixels) {
    fail_unreadable(
        "{}: the image declares {} x {} pixels; the limits are {} pixels in all and {} a side "
        "(scale it down first)",
        where, width, height, kMaxPixels, kMaxSide);
  }
}

Image decode(std::span<const uint8_t> bytes, const std::string& where, int min_short_side) {
  switch (format_of(bytes, where)) {
    case Format::jpeg:
      return detail::decode_jpeg(bytes, where, min_short_side);
    case Format::png:
      return detail::decode_png(bytes, where);
    case Format::webp:
      return detail::decode_webp(bytes, where);
  }
  return {};
}

Image load(const std::filesystem::path& path, int min_short_side) {
  // Read, not mapped: a file that another program cuts short must not become a bus error.
  const std::string content = read_file(path, kMaxFileBytes);
  return decode({reinterpret_cast<const uint8_t*>(content.data()), content.size()}, path.string(),
                min_short_side);
}

Dimensions probe(std::span<const uint8_t> bytes, const std::string& where) {
  switch (format_of(bytes, where)) {
    case Format::jpeg:
      return detail::probe_jpeg(bytes, where);
    case Format::png:
      return detail::probe_png(bytes, where);
    case Format::webp:
      return detail::probe_webp(bytes, where);
  }
  return {};
}

Dimensions probe(const std::filesystem::path& path) {
  const MappedFile file(path);
  return probe(file.bytes(), path.string());
}

}  // namespace graft::image
