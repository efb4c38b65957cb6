#include "graft/image/placement.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/image/letterbox.h"
#include "graft/image/preprocess.h"
#include "graft/image/resize_linear.h"
#include "tests/support/support.h"

namespace graft::image {
namespace {

/// A picture whose only bright pixels are a rectangle, after preprocessing: their bounds.
Box bright_bounds(const Image& image) {
  Box bounds{1e9F, 1e9F, -1, -1};
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (image.at(x, y)[0] < 200) continue;
      bounds.x0 = std::min(bounds.x0, static_cast<float>(x));
      bounds.y0 = std::min(bounds.y0, static_cast<float>(y));
      bounds.x1 = std::max(bounds.x1, static_cast<float>(x + 1));
      bounds.y1 = std::max(bounds.y1, static_cast<float>(y + 1));
    }
  }
  return bounds;
}

TEST(Placement, ABoxFollowsItsPixels) {
  Image picture(120, 80);
  const Box box{30, 20, 90, 60};
  for (int y = 20; y < 60; ++y) {
    for (int x = 30; x < 90; ++x) std::fill_n(picture.at(x, y), 3, 255);
  }
  for (const bool antialias : {true, false}) {
    for (const auto resize : {Preprocess::Resize::exact, Preprocess::Resize::letterbox}) {
      for (const int side : {64, 240}) {
        Preprocess p;
        p.resize = resize;
        p.antialias = antialias;
        p.resize_width = side;
        p.resize_height = 64;
        const Placement placement = p.placement({picture.width, picture.height});
        const Box found = bright_bounds(p.apply(picture));
        const Box expected = placement.into(box);
        EXPECT_NEAR(found.x0, expected.x0, 1.5);
        EXPECT_NEAR(found.y0, expected.y0, 1.5);
        EXPECT_NEAR(found.x1, expected.x1, 1.5);
        EXPECT_NEAR(found.y1, expected.y1, 1.5);
        const Box back = placement.back(expected);
        EXPECT_NEAR(back.x0, box.x0, 1e-3);
        EXPECT_NEAR(back.y1, box.y1, 1e-3);
      }
    }
  }
}

TEST(Placement, OfAMiddleThatIsCutOut) {
  Preprocess p;
  p.resize = Preprocess::Resize::shortest_edge;
  p.shortest_edge = 40;
  p.crop = true;
  p.crop_width = p.crop_height = 32;
  const Box box = p.placement({160, 80}).into({64, 24, 96, 56});
  EXPECT_EQ(box, (Box{8, 8, 24, 24}));
}

TEST(Preprocess, LetterboxOfDarknet) {
  Preprocess p;
  p.resize = Preprocess::Resize::letterbox;
  p.resize_width = p.resize_height = 100;
  EXPECT_EQ(p.resized({640, 427}).width, 100);
  EXPECT_EQ(p.resized({640, 427}).height, 66) << "427 x 100 / 640, rounded down";
  EXPECT_EQ(p.resized({1, 1000}).width, 1) << "never nothing";
  const Image out = p.apply(Image(200, 100, 255));
  EXPECT_EQ(out.width, 100);
  EXPECT_EQ(out.height, 100);
  EXPECT_EQ(out.at(50, 10)[0], Letterbox::kGrey);
  EXPECT_EQ(out.at(50, 50)[0], 255);
}

TEST(Preprocess, DarknetConfigs) {
  const Json config = {{"image_processor_type", "DarknetImageProcessor"},
                       {"size", {{"height", 64}, {"width", 96}}},
                       {"antialias", false},
                       {"letterbox", true}};
  const Preprocess p = Preprocess::from_config(config, "a");
  EXPECT_EQ(p.resize, Preprocess::Resize::letterbox);
  EXPECT_FALSE(p.antialias);
  EXPECT_EQ(p.output().width, 96);
  EXPECT_EQ(Preprocess::from_config(p.to_config(), "a"), p);
  float white[3];
  p.to_floats(Image(1, 1, 255), white);
  EXPECT_FLOAT_EQ(white[0], 1) << "no mean, no deviation";
  Json with_crop = config;
  with_crop["do_center_crop"] = true;
  with_crop["crop_size"] = {{"height", 8}, {"width", 8}};
  EXPECT_GRAFT_ERROR(Preprocess::from_config(with_crop, "a"), ErrorCode::unreadable, "antialias");
  with_crop["antialias"] = true;
  EXPECT_GRAFT_ERROR(Preprocess::from_config(with_crop, "a"), ErrorCode::unreadable, "letterbox");
}

TEST(ResizeLinear, PlainColoursAndCopies) {
  const Image grey(7, 5, 77);
  EXPECT_EQ(resize_linear(grey, 7, 5), grey);
  const Image larger = resize_linear(grey, 30, 3);
  for (const uint8_t sample : larger.pixels) EXPECT_EQ(sample, 77);
}

}  // namespace
}  // namespace graft::image
