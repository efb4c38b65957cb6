#include "graft/image/codec.h"

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "tests/unit/image/golden.h"

namespace graft::image {
namespace {

using test::difference;
using test::golden_image_dir;
using test::pattern;
using Bytes = std::vector<uint8_t>;

Bytes file(const std::string& name) {
  const std::string text = test::read_text(golden_image_dir() / "files" / name);
  return {text.begin(), text.end()};
}

void put_u32(Bytes& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(value >> shift));
}

/// The checksum of PNG chunks (ISO 3309).
uint32_t crc(const uint8_t* data, size_t count) {
  uint32_t value = ~0u;
  for (size_t i = 0; i < count; ++i) {
    value ^= data[i];
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0xEDB88320u : 0);
  }
  return ~value;
}

void put_chunk(Bytes& out, const std::string& kind, const Bytes& data) {
  put_u32(out, static_cast<uint32_t>(data.size()));
  const size_t start = out.size();
  out.insert(out.end(), kind.begin(), kind.end());
  out.insert(out.end(), data.begin(), data.end());
  put_u32(out, crc(&out[start], out.size() - start));
}

/// A PNG that declares a size; its pixels are missing.
Bytes png_of_size(uint32_t width, uint32_t height) {
  Bytes out{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  Bytes header;
  put_u32(header, width);
  put_u32(header, height);
  header.insert(header.end(), {8, 2, 0, 0, 0});
  put_chunk(out, "IHDR", header);
  put_chunk(out, "IDAT", {});
  put_chunk(out, "IEND", {});
  return out;
}

TEST(Codec, ReadsEveryFlavourAsPillowDoes) {
  const test::Pack pack("codec");
  ASSERT_GE(pack.cases().size(), 60u);
  for (const Json& one : pack.cases()) {
    const std::string name = one.at("file");
    const Bytes bytes = file(name);
    const Image expected = pack.pixels(one);
    const Image got = decode(bytes, name);
    EXPECT_EQ(difference(got, expected), 0) << name;
    EXPECT_EQ(probe(bytes, name), (Dimensions{expected.width, expected.height})) << name;
  }
}

TEST(Codec, LoadsFromDiskAndNamesTheFileInErrors) {
  const auto path = golden_image_dir() / "files" / "exif_6.jpg";
  EXPECT_EQ(load(path).width, 12);
  EXPECT_EQ(probe(path), (Dimensions{12, 20}));
  const test::ScratchDir scratch;
  test::write_text(scratch / "holiday.jpg", "<html>not found</html>");
  EXPECT_GRAFT_ERROR(load(scratch / "holiday.jpg"), ErrorCode::unreadable, "holiday.jpg");
  EXPECT_GRAFT_ERROR(load(scratch / "absent.jpg"), ErrorCode::unreadable, "absent.jpg");
}

TEST(Codec, SaysWhichForeignFormatItIs) {
  const auto message_for = [](const std::string& text) {
    try {
      decode({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, "x");
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_NE(message_for("GIF89a....").find("GIF"), std::string::npos);
  EXPECT_NE(message_for("BM......").find("BMP"), std::string::npos);
  EXPECT_NE(message_for("version https://git-lfs.github.com").find("LFS"), std::string::npos);
  EXPECT_NE(message_for("").find("empty"), std::string::npos);
  EXPECT_NE(message_for("RIFF....WAVE").find("JPEG, PNG or WebP"), std::string::npos);
}

TEST(Codec, RefusesSizesBeforeAllocating) {
  EXPECT_GRAFT_ERROR(decode(png_of_size(60000, 60000), "big"), ErrorCode::unreadable,
                     "60000 x 60000");
  EXPECT_GRAFT_ERROR(probe(png_of_size(60000, 60000), "big"), ErrorCode::unreadable, "178956970");
  EXPECT_GRAFT_ERROR(decode(png_of_size(0, 0), "none"), ErrorCode::unreadable, "none");
  EXPECT_GRAFT_ERROR(decode(png_of_size(70000, 1), "long"), ErrorCode::unreadable, "long");
  EXPECT_GRAFT_ERROR(decode(png_of_size(0x80000000u, 5), "huge"), ErrorCode::unreadable, "huge");

  Bytes jpeg = file("rgb_444.jpg");
  for (size_t i = 0; i + 9 < jpeg.size(); ++i) {
    if (jpeg[i] != 0xff || jpeg[i + 1] != 0xc0) continue;
    jpeg[i + 5] = jpeg[i + 7] = 0xEA;  // 60,000 on both sides
    jpeg[i + 6] = jpeg[i + 8] = 0x60;
    break;
  }
  EXPECT_GRAFT_ERROR(decode(jpeg, "big.jpg"), ErrorCode::unreadable, "60000 x 60000");
}

TEST(Codec, EveryTruncationIsAnError) {
  for (const char* name : {"rgb_420.jpg", "rgb_progressive.jpg", "cmyk.jpg", "exif_6.jpg",
                           "rgb_8.png", "grey_1_interlaced.png", "palette_4_trns.png", "lossy.webp",
                           "lossless.webp", "animated.webp"}) {
    const Bytes whole = file(name);
    for (size_t length = 0; length < whole.size(); ++length) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
      EXPECT_THROW(decode(cut, name), Error) << name << " cut to " << length << " bytes";
    }
  }
}

TEST(Codec, DamageIsAnErrorOrAPictureNeverACrash) {
  Rng rng(11);
  int refused = 0;
  for (const char* name : {"rgb_420.jpg", "rgb_progressive.jpg", "ycck.jpg", "exif_5.jpg",
                           "rgb_16.png", "palette_4_interlaced.png", "exif_8_after.png",
                           "lossy.webp", "alpha_lossless.webp", "exif_5.webp"}) {
    const Bytes whole = file(name);
    for (int round = 0; round < 100; ++round) {
      Bytes damaged = whole;
      for (int i = 0; i < 3; ++i)
        damaged[rng.below(damaged.size())] = static_cast<uint8_t>(rng.below(256));
      try {
        const Image image = decode(damaged, name);
        EXPECT_EQ(image.pixels.size(),
                  static_cast<size_t>(image.width) * static_cast<size_t>(image.height) * 3);
      } catch (const Error& e) {
        EXPECT_EQ(e.code(), ErrorCode::unreadable);
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 300);
}

TEST(Codec, TooManyProgressiveScansAreRefused) {
  Bytes jpeg = file("rgb_progressive.jpg");
  // Repeat the last scan until the file has far more of them than any encoder writes.
  size_t last = 0;
  for (size_t i = 0; i + 1 < jpeg.size(); ++i) {
    if (jpeg[i] == 0xff && jpeg[i + 1] == 0xda) last = i;
  }
  ASSERT_GT(last, 0u);
  const Bytes scan(jpeg.begin() + static_cast<ptrdiff_t>(last), jpeg.end() - 2);
  const Bytes end(jpeg.end() - 2, jpeg.end());
  jpeg.resize(jpeg.size() - 2);
  for (int i = 0; i < 600; ++i) jpeg.insert(jpeg.end(), scan.begin(), scan.end());
  jpeg.insert(jpeg.end(), end.begin(), end.end());
  EXPECT_GRAFT_ERROR(decode(jpeg, "scans"), ErrorCode::unreadable, "scans");
}

TEST(Codec, ScaledDecodingKeepsTheShortSide) {
  const Bytes jpeg = encode_jpeg(pattern(640, 400));
  EXPECT_EQ(decode(jpeg, "x").width, 640);
  EXPECT_EQ(decode(jpeg, "x", 201).width, 640);
  EXPECT_EQ(decode(jpeg, "x", 200).height, 200);
  EXPECT_EQ(decode(jpeg, "x", 100).height, 100);
  EXPECT_EQ(decode(jpeg, "x", 10).height, 50);
  EXPECT_EQ(decode(encode_png(pattern(64, 40)), "x", 10).height, 40);
}

TEST(Codec, EncodesWhatItDecodes) {
  const Image source = pattern(53, 38);
  EXPECT_EQ(decode(encode_png(source), "png"), source);
  const Image flat(40, 30, 90);
  EXPECT_LE(difference(decode(encode_jpeg(flat, 90), "jpg"), flat), 1);
  EXPECT_GT(encode_jpeg(source, 95).size(), encode_jpeg(source, 20).size());
}

}  // namespace
}  // namespace graft::image
