#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>

// jpeglib.h needs FILE and size_t declared before it; jerror.h needs what jpeglib.h defines.
#include <jpeglib.h>

#include <jerror.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/image/formats.h"
#include "graft/image/orientation.h"

namespace graft::image {
namespace {

using detail::Bytes;

/// A progressive file may hold thousands of nearly empty scans, each of which visits every pixel.
constexpr int kMaxScans = 500;

struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

ErrorManager& manager(j_common_ptr info) {
  return *reinterpret_cast<ErrorManager*>(info->err);
}

[[noreturn]] void on_error(j_common_ptr info) {
  info->err->format_message(info, manager(info).message);
  std::longjmp(manager(info).jump, 1);
}

/// Warnings that mean lost pixels are errors; oddities that leave the picture whole are not.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
#if JPEG_LIB_VERSION >= 70 || defined(D_ARITH_CODING_SUPPORTED)
    case JWRN_ARITH_BAD_CODE:
#endif
    case JWRN_MUST_RESYNC:
      on_error(info);
    default:
      return;
  }
}

void discard_output(j_common_ptr) {}

void on_progress(j_common_ptr info) {
  if (!info->is_decompressor) return;
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  std::snprintf(manager(info).message, JMSG_LENGTH_MAX, "more than %d scans", kMaxScans);
  std::longjmp(manager(info).jump, 1);
}

void set_up(ErrorManager& errors) {
  jpeg_std_error(&errors.base);
  errors.base.error_exit = on_error;
  errors.base.emit_message = on_message;
  errors.base.output_message = discard_output;
  errors.message[0] = 0;
}

/// libjpeg reports errors by longjmp. Every call into it goes through `guard`, whose body must hold
/// no object with a destructor; what lives across calls lives here and is freed by ours.
class Decoder {
 public:
  explicit Decoder(const std::string& where) : where_(where) {
    set_up(errors_);
    info_.err = &errors_.base;
    guard([&] { jpeg_create_decompress(&info_); });
    info_.progress = &progress_;
  }
  ~Decoder() { jpeg_destroy_decompress(&info_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// Not in the constructor: what it allocates is freed when it throws.
  void open(Bytes bytes) {
    guard([&] {
      jpeg_mem_src(&info_, bytes.data(), bytes.size());
      jpeg_save_markers(&info_, JPEG_APP0 + 1, 0xFFFF);
      jpeg_read_header(&info_, TRUE);
    });
    detail::check_size(info_.image_width, info_.image_height, where_);
  }

  int orientation() const {
    constexpr char kHeader[] = {'E', 'x', 'i', 'f', 0, 0};
    for (const jpeg_marker_struct* marker = info_.marker_list; marker; marker = marker->next) {
      if (marker->data_length < sizeof kHeader) continue;
      if (std::memcmp(marker->data, kHeader, sizeof kHeader) != 0) continue;
      return detail::exif_orientation(
          {marker->data + sizeof kHeader, marker->data_length - sizeof kHeader});
    }
    return 1;
  }

  Dimensions stored_size() const {
    return {static_cast<int>(info_.image_width), static_cast<int>(info_.image_height)};
  }

  Image decode(int min_short_side) {
    const bool four_inks = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    guard([&] {
      info_.out_color_space = four_inks ? JCS_CMYK : JCS_RGB;
      info_.scale_num = 1;
      info_.scale_denom = scale_for(min_short_side);
      jpeg_start_decompress(&info_);
    });
    Image image(static_cast<int>(info_.output_width), static_cast<int>(info_.output_height));
    if (four_inks) {
      read_four_inks(image);
    } else {
      guard([&] { read_rows(image.pixels.data(), size_t{info_.output_width} * 3); });
    }
    guard([&] { jpeg_finish_decompress(&info_); });
    return image;
  }

 private:
  template <typename Body>
  void guard(Body&& body) {
    if (setjmp(errors_.jump)) {
      fail_unreadable("{}: the JPEG cannot be decoded: {}", where_, errors_.message);
    }
    body();
  }

  unsigned scale_for(int min_short_side) const {
    unsigned scale = 1;
    if (min_short_side <= 0) return scale;
    const unsigned side = std::min(info_.image_width, info_.image_height);
    while (scale < 8 && side / (2 * scale) >= static_cast<unsigned>(min_short_side)) scale *= 2;
    return scale;
  }

  void read_rows(uint8_t* pixels, size_t row_bytes) {
    constexpr JDIMENSION kBatch = 16;
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW rows[kBatch];
      const JDIMENSION count = std::min(kBatch, info_.output_height - info_.output_scanline);
      for (JDIMENSION i = 0; i < count; ++i) {
        rows[i] = pixels + (info_.output_scanline + i) * row_bytes;
      }
      jpeg_read_scanlines(&info_, rows, count);
    }
  }

  /// Adobe programs store inks inverted (255 = none), and hardly anything else writes CMYK.
  void read_four_inks(Image& image) {
    std::vector<uint8_t> row(size_t{info_.output_width} * 4);
    for (int y = 0; y < image.height; ++y) {
      uint8_t* samples = row.data();
      guard([&] {
        JSAMPROW rows[1] = {samples};
        jpeg_read_scanlines(&info_, rows, 1);
      });
      uint8_t* out = image.at(0, y);
      for (int x = 0; x < image.width; ++x, samples += 4, out += 3) {
        for (int c = 0; c < 3; ++c) {
          // paper - ink * paper / 255, rounded as Pillow rounds it
          const int paper = samples[3];
          const int product = (255 - samples[c]) * paper + 128;
          out[c] = static_cast<uint8_t>(paper - (((product >> 8) + product) >> 8));
        }
      }
    }
  }

  const std::string& where_;
  ErrorManager errors_{};
  jpeg_progress_mgr progress_{on_progress, 0, 0, 0, 0};
  jpeg_decompress_struct info_{};
};

/// As Decoder, for writing.
class Encoder {
 public:
  Encoder() {
    set_up(errors_);
    info_.err = &errors_.base;
    guard([&] { jpeg_create_compress(&info_); });
  }
  ~Encoder() {
    jpeg_destroy_compress(&info_);
    std::free(buffer_);
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  std::vector<uint8_t> encode(const Image& image, int quality) {
    guard([&] {
      jpeg_mem_dest(&info_, &buffer_, &size_);
      info_.image_width = static_cast<JDIMENSION>(image.width);
      info_.image_height = static_cast<JDIMENSION>(image.height);
      info_.input_components = 3;
      info_.in_color_space = JCS_RGB;
      jpeg_set_defaults(&info_);
      jpeg_set_quality(&info_, quality, TRUE);
      jpeg_start_compress(&info_, TRUE);
      while (info_.next_scanline < info_.image_height) {
        // libjpeg's interface predates const; it only reads the row.
        JSAMPROW row = const_cast<uint8_t*>(image.at(0, static_cast<int>(info_.next_scanline)));
        jpeg_write_scanlines(&info_, &row, 1);
      }
      jpeg_finish_compress(&info_);
    });
    return {buffer_, buffer_ + size_};
  }

 private:
  template <typename Body>
  void guard(Body&& body) {
    if (setjmp(errors_.jump)) {
      fail(ErrorCode::internal, "the JPEG cannot be written: {}", errors_.message);
    }
    body();
  }

  ErrorManager errors_{};
  jpeg_compress_struct info_{};
  unsigned char* buffer_ = nullptr;
  unsigned long size_ = 0;
};

}  // namespace

Image detail::decode_jpeg(Bytes bytes, const std::string& where, int min_short_side) {
  Decoder decoder(where);
  decoder.open(bytes);
  // The markers are freed while decoding finishes.
  const int orientation = decoder.orientation();
  return upright(decoder.decode(min_short_side), orientation);
}

Dimensions detail::probe_jpeg(Bytes bytes, const std::string& where) {
  Decoder decoder(where);
  decoder.open(bytes);
  return upright(decoder.stored_size(), decoder.orientation());
}

std::vector<uint8_t> encode_jpeg(const Image& image, int quality) {
  GRAFT_ASSERT(!image.empty() && quality >= 1 && quality <= 100);
  if (image.width > JPEG_MAX_DIMENSION || image.height > JPEG_MAX_DIMENSION) {
    fail_usage("a JPEG holds at most {0} x {0} pixels, this image has {1} x {2}: write a PNG",
               JPEG_MAX_DIMENSION, image.width, image.height);
  }
  return Encoder().encode(image, quality);
}

}  // namespace graft::image
