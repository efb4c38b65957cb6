#include "graft/image/preprocess.h"

#include <cmath>

#include "graft/base/error.h"
#include "tests/unit/image/golden.h"

namespace graft::image {
namespace {

using Resize = Preprocess::Resize;

Preprocess parsed(const Json& config) {
  return Preprocess::from_config(config, "test.json");
}

TEST(Preprocess, EqualsTransformersAndTimm) {
  const auto sources = test::golden_sources();
  const test::Pack pack("preprocess");
  ASSERT_GE(pack.cases().size(), 70u);
  for (const Json& one : pack.cases()) {
    const Preprocess preprocess = parsed(one.at("config"));
    const Image picture = preprocess.apply(sources.at(one.at("source")));
    ASSERT_EQ(picture.width, one.at("full_width").get<int>()) << one.dump();
    ASSERT_EQ(picture.height, one.at("full_height").get<int>()) << one.dump();
    std::vector<float> all(picture.pixels.size());
    preprocess.to_floats(picture, all.data());
    const std::vector<float> expected = pack.floats(one);
    const int stride = one.at("stride");
    size_t i = 0;
    float worst = 0;
    for (int y = 0; y < picture.height; y += stride) {
      for (int x = 0; x < picture.width; x += stride) {
        for (int c = 0; c < 3; ++c, ++i) {
          const size_t at = (static_cast<size_t>(y) * static_cast<size_t>(picture.width) +
                             static_cast<size_t>(x)) *
                                3 +
                            static_cast<size_t>(c);
          worst = std::max(worst, std::abs(all[at] - expected.at(i)));
        }
      }
    }
    EXPECT_EQ(i, expected.size());
    // One grey level would be at least 1/255.
    EXPECT_LE(worst, 1e-6f) << one.dump();
  }
}

TEST(Preprocess, ConfigComesBackEqual) {
  const test::Pack pack("preprocess");
  for (const Json& one : pack.cases()) {
    const Preprocess preprocess = parsed(one.at("config"));
    EXPECT_EQ(parsed(preprocess.to_config()), preprocess) << preprocess.to_config().dump();
  }
}

TEST(Preprocess, KnowsItsOutputSize) {
  EXPECT_EQ(parsed({{"image_processor_type", "ViTImageProcessor"}}).output(),
            (Dimensions{224, 224}));
  EXPECT_EQ(parsed({{"image_processor_type", "DeiTImageProcessor"}}).output(),
            (Dimensions{224, 224}));
  const Preprocess free = parsed(
      {{"image_processor_type", "BitImageProcessor"}, {"do_center_crop", false}, {"size", 32}});
  EXPECT_EQ(free.output(), (Dimensions{0, 0}));
  EXPECT_EQ(free.apply(test::pattern(64, 100)).height, 50);
}

TEST(Preprocess, ReadsOldAndNestedConfigurations) {
  const Preprocess old = parsed({{"feature_extractor_type", "ConvNextFeatureExtractor"},
                                 {"size", 224},
                                 {"crop_pct", 0.875},
                                 {"resample", 3}});
  EXPECT_EQ(old.shortest_edge, 256);
  EXPECT_EQ(old.output(), (Dimensions{224, 224}));
  EXPECT_EQ(parsed({{"image_processor_type", "ViTImageProcessorFast"}}).processor,
            "ViTImageProcessor");
  EXPECT_EQ(Preprocess::from_config({{"size", 32}}, "x", "resnet").processor,
            "ConvNextImageProcessor");
  const Json nested{{"image_processor", {{"image_processor_type", "CLIPImageProcessor"}}}};
  EXPECT_EQ(parsed(nested).filter, Filter::bicubic);
  // null means the default of the class
  EXPECT_EQ(parsed({{"image_processor_type", "ViTImageProcessor"}, {"size", nullptr}}).resize_width,
            224);
}

TEST(Preprocess, ErrorsNameFileAndKey) {
  const auto vit = [](const char* key, Json value) {
    return Json{{"image_processor_type", "ViTImageProcessor"}, {key, std::move(value)}};
  };
  EXPECT_GRAFT_ERROR(parsed({{"image_processor_type", "FuyuImageProcessor"}}),
                     ErrorCode::unreadable, "FuyuImageProcessor");
  EXPECT_GRAFT_ERROR(parsed(Json::object()), ErrorCode::unreadable, "image_processor_type");
  EXPECT_GRAFT_ERROR(parsed("text"), ErrorCode::unreadable, "test.json");
  EXPECT_GRAFT_ERROR(parsed(vit("size", 0)), ErrorCode::unreadable, "size");
  EXPECT_GRAFT_ERROR(parsed(vit("size", -5)), ErrorCode::unreadable, "size");
  EXPECT_GRAFT_ERROR(parsed(vit("size", 1e9)), ErrorCode::unreadable, "size");
  EXPECT_GRAFT_ERROR(parsed(vit("size", {{"height", 3}})), ErrorCode::unreadable, "shortest_edge");
  EXPECT_GRAFT_ERROR(parsed(vit("size", {{"max_height", 3}})), ErrorCode::unreadable,
                     "shortest_edge");
  EXPECT_GRAFT_ERROR(parsed(vit("resample", 9)), ErrorCode::unreadable, "resample");
  EXPECT_GRAFT_ERROR(parsed(vit("image_std", {0.5, 0, 0.5})), ErrorCode::unreadable, "image_std");
  EXPECT_GRAFT_ERROR(parsed(vit("image_mean", {0.5})), ErrorCode::unreadable, "image_mean");
  EXPECT_GRAFT_ERROR(parsed(vit("do_resize", "yes")), ErrorCode::unreadable, "do_resize");
  EXPECT_GRAFT_ERROR(parsed({{"pretrained_cfg", {{"crop_mode", "border"}}}}), ErrorCode::unreadable,
                     "border");
  EXPECT_GRAFT_ERROR(parsed({{"pretrained_cfg", {{"input_size", {1, 28, 28}}}}}),
                     ErrorCode::unreadable, "input_size");
}

TEST(Preprocess, ExtremeProportionsCostNoMoreThanTheResult) {
  // Resized whole, this would be 16 million x 256 pixels.
  const Preprocess crop = parsed({{"image_processor_type", "BitImageProcessor"}, {"size", 256}});
  const Image line(65535, 1, 77);
  EXPECT_EQ(crop.apply(line), Image(224, 224, 77));
  const Preprocess free = parsed(
      {{"image_processor_type", "BitImageProcessor"}, {"do_center_crop", false}, {"size", 8000}});
  EXPECT_GRAFT_ERROR(free.apply(line), ErrorCode::unreadable, "proportions");
}

}  // namespace
}  // namespace graft::image
