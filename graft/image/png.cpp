#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>

#include "graft/base/error.h"
#include "graft/image/formats.h"
#include "graft/image/orientation.h"

namespace graft::image {
namespace {

using detail::Bytes;

/// Ancillary chunks (profiles, text) are never needed; libpng must not unpack more than this of
/// one.
constexpr png_alloc_size_t kMaxChunkBytes = png_alloc_size_t{8} << 20;

struct Errors {
  std::jmp_buf jump;
  char message[160];
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto& errors = *static_cast<Errors*>(png_get_error_ptr(png));
  std::snprintf(errors.message, sizeof errors.message, "%s", message);
  std::longjmp(errors.jump, 1);
}

void on_warning(png_structp, png_const_charp) {}

struct Source {
  Bytes bytes;
  size_t at = 0;
};

void read_bytes(png_structp png, png_bytep out, size_t count) {
  auto& source = *static_cast<Source*>(png_get_io_ptr(png));
  if (count > source.bytes.size() - source.at) png_error(png, "the file ends early");
  std::memcpy(out, source.bytes.data() + source.at, count);
  source.at += count;
}

/// Of the eXIf chunk. It may stand behind the pixels, where probing with libpng would not come.
int orientation_of(Bytes bytes) {
  constexpr size_t kSignature = 8, kAroundData = 12;
  for (size_t at = kSignature; bytes.size() - at >= kAroundData;) {
    const uint8_t* chunk = bytes.data() + at;
    const size_t length = png_get_uint_32(chunk);
    if (length > bytes.size() - at - kAroundData) break;
    if (std::memcmp(chunk + 4, "eXIf", 4) == 0) {
      return detail::exif_orientation(bytes.subspan(at + 8, length));
    }
    at += length + kAroundData;
  }
  return 1;
}

/// libpng reports errors by longjmp. Every call into it goes through `guard`, whose body must hold
/// no object with a destructor; what lives across calls lives here and is freed by ours.
class Decoder {
 public:
  Decoder(Bytes bytes, const std::string& where) : where_(where), source_{bytes} {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &errors_, on_error, on_warning);
    if (png_) info_ = png_create_info_struct(png_);
  }
  ~Decoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  void open() {
    if (!info_) throw std::bad_alloc();
    guard([&] {
      png_set_read_fn(png_, &source_, read_bytes);
      png_set_user_limits(png_, kMaxSide, kMaxSide);
      png_set_chunk_malloc_max(png_, kMaxChunkBytes);
      png_read_info(png_, info_);
    });
    detail::check_size(png_get_image_width(png_, info_), png_get_image_height(png_, info_), where_);
  }

  Dimensions stored_size() const {
    return {static_cast<int>(png_get_image_width(png_, info_)),
            static_cast<int>(png_get_image_height(png_, info_))};
  }

  Image decode() {
    guard([&] {
      png_set_expand(png_);
      png_set_strip_16(png_);
      png_set_strip_alpha(png_);
      png_set_gray_to_rgb(png_);
      passes_ = png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
    });
    const auto [width, height] = stored_size();
    const size_t row_bytes = static_cast<size_t>(width) * 3;
    if (png_get_rowbytes(png_, info_) != row_bytes) {
      fail_unreadable("{}: the PNG has a combination of colour type and depth that does not exist",
                      where_);
    }
    Image image(width, height);
    uint8_t* pixels = image.pixels.data();
    guard([&] {
      for (int pass = 0; pass < passes_; ++pass) {
        for (int y = 0; y < height; ++y) {
          png_read_row(png_, pixels + static_cast<size_t>(y) * row_bytes, nullptr);
        }
      }
      png_read_end(png_, info_);
    });
    return image;
  }

 private:
  template <typename Body>
  void guard(Body&& body) {
    if (setjmp(errors_.jump)) {
      fail_unreadable("{}: the PNG cannot be decoded: {}", where_, errors_.message);
    }
    body();
  }

  const std::string& where_;
  Source source_;
  Errors errors_{};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
};

void append_bytes(png_structp png, png_bytep data, size_t count) {
  auto& out = *static_cast<std::vector<uint8_t>*>(png_get_io_ptr(png));
  bool stored = true;
  try {
    out.insert(out.end(), data, data + count);
  } catch (const std::bad_alloc&) {
    stored = false;  // no exception may cross libpng, and no longjmp may leave this handler
  }
  if (!stored) png_error(png, "out of memory");
}

class Encoder {
 public:
  Encoder() {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, &errors_, on_error, on_warning);
    if (png_) info_ = png_create_info_struct(png_);
  }
  ~Encoder() { png_destroy_write_struct(&png_, &info_); }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  std::vector<uint8_t> encode(const Image& image) {
    if (!info_) throw std::bad_alloc();
    if (setjmp(errors_.jump)) {
      fail(ErrorCode::internal, "the PNG cannot be written: {}", errors_.message);
    }
    write(image);
    return std::move(out_);
  }

 private:
  void write(const Image& image) {
    png_set_write_fn(png_, &out_, append_bytes, nullptr);
    png_set_IHDR(png_, info_, static_cast<png_uint_32>(image.width),
                 static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png_, info_);
    for (int y = 0; y < image.height; ++y) png_write_row(png_, image.at(0, y));
    png_write_end(png_, info_);
  }

  Errors errors_{};
  std::vector<uint8_t> out_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

Image detail::decode_png(Bytes bytes, const std::string& where) {
  Decoder decoder(bytes, where);
  decoder.open();
  Image image = decoder.decode();
  return upright(std::move(image), orientation_of(bytes));
}

Dimensions detail::probe_png(Bytes bytes, const std::string& where) {
  Decoder decoder(bytes, where);
  decoder.open();
  return upright(decoder.stored_size(), orientation_of(bytes));
}

std::vector<uint8_t> encode_png(const Image& image) {
  GRAFT_ASSERT(!image.empty());
  return Encoder().encode(image);
}

}  // namespace graft::image
