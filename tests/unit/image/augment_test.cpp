#include "graft/image/augment.h"

#include <cmath>

#include "graft/base/error.h"
#include "graft/image/policies.h"
#include "tests/unit/image/golden.h"

namespace graft::image {
namespace {

using test::pattern;

Preprocess to_size(int width, int height) {
  Preprocess preprocess;
  preprocess.resize_width = width;
  preprocess.resize_height = height;
  return preprocess;
}

TEST(Augmentation, EveryEntryChangesPicturesAndEndsInTheAskedSize) {
  ASSERT_EQ(augmentations().size(), 10u);
  const Image source = pattern(90, 70);
  const Preprocess preprocess = to_size(48, 40);
  for (const auto& record : augmentations()) {
    const Augmentation augment{Json(record.name)};
    EXPECT_TRUE(augment.random()) << record.name;
    EXPECT_FALSE(record.summary.empty());
    EXPECT_FALSE(record.source.empty());
    const Image plain = preprocess.apply(source);
    int changed = 0;
    for (uint64_t index = 0; index < 60; ++index) {
      Rng rng{1, index};
      const Image image = augment.apply(source, rng, preprocess);
      ASSERT_EQ(image.width, 48) << record.name;
      ASSERT_EQ(image.height, 40) << record.name;
      std::vector<float> before(image.pixels.size());
      preprocess.to_floats(image, before.data());
      std::vector<float> after = before;
      augment.apply_to_floats(after.data(), {48, 40}, rng);
      changed += image != plain || before != after;
    }
    EXPECT_GT(changed, 2) << record.name;
  }
}

TEST(Augmentation, DependsOnTheKeyOnly) {
  const Image source = pattern(90, 70);
  const Preprocess preprocess = to_size(32, 32);
  for (const auto& policy : policies()) {
    const Augmentation augment{Json(policy.name)};
    const auto draw = [&](uint64_t index) {
      Rng rng{7, 2, index};
      const Image image = augment.apply(source, rng, preprocess);
      std::vector<float> floats(image.pixels.size());
      preprocess.to_floats(image, floats.data());
      augment.apply_to_floats(floats.data(), {32, 32}, rng);
      return floats;
    };
    EXPECT_EQ(draw(5), draw(5)) << policy.name;
    bool differs = false;
    for (uint64_t index = 0; index < 20; ++index) differs |= draw(index) != draw(index + 1);
    EXPECT_EQ(differs, augment.random()) << policy.name;
  }
}

TEST(Augmentation, PoliciesExpandToListsThatMakeThemAgain) {
  ASSERT_EQ(policies().size(), 7u);
  for (const auto& policy : policies()) {
    const Augmentation augment{Json(policy.name)};
    EXPECT_EQ(Augmentation(augment.to_json()).to_json(), augment.to_json());
    EXPECT_EQ(augment.to_json().size(), policy.steps.size());
    EXPECT_EQ(augment.random(), policy.name != "none");
  }
  EXPECT_EQ(Augmentation{Json("light")}.to_json().dump(),
            R"([{"random_resized_crop":{"scale":[0.5,1.0],"ratio":[0.75,1.3333333333333333],)"
            R"("interpolation":"bilinear"}},{"horizontal_flip":{"p":0.5}}])");
}

TEST(Augmentation, KnowsWhetherItChangesAnything) {
  EXPECT_FALSE(Augmentation().random());
  EXPECT_FALSE(Augmentation(nullptr).random());
  EXPECT_FALSE(Augmentation(Json{{"horizontal_flip", {{"p", 0}}}}).random());
  EXPECT_FALSE(
      Augmentation(
          Json::parse(R"({"color_jitter": {"brightness": 0, "contrast": 0, "saturation": 0}})"))
          .random());
  EXPECT_TRUE(
      Augmentation(
          Json::parse(
              R"({"color_jitter": {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0.1}})"))
          .random());
  EXPECT_FALSE(Augmentation(Json{{"random_rotation", {{"degrees", 0}}}}).random());
  EXPECT_FALSE(Augmentation(Json{{"randaugment", {{"num_ops", 0}}}}).random());
  const Image source = pattern(40, 40);
  Rng rng(3);
  EXPECT_EQ(Augmentation().apply(source, rng, 40, 40), source);
  EXPECT_EQ(rng.next(), Rng(3).next());
}

TEST(Augmentation, ErrorsNameTheNearest) {
  EXPECT_GRAFT_ERROR(Augmentation(Json("ligth")), ErrorCode::usage, "light");
  EXPECT_GRAFT_ERROR(Augmentation(Json::array({"horizontal_flop"})), ErrorCode::usage,
                     "horizontal_flip");
  EXPECT_GRAFT_ERROR(Augmentation(Json{{"color_jitter", {{"brigthness", 1}}}}), ErrorCode::usage,
                     "brightness");
  EXPECT_GRAFT_ERROR(Augmentation(Json{{"horizontal_flip", {{"p", 1.5}}}}), ErrorCode::usage,
                     "p must be");
  EXPECT_GRAFT_ERROR(Augmentation(Json{{"random_resized_crop", {{"scale", {0.9, 0.5}}}}}),
                     ErrorCode::usage, "scale");
  EXPECT_GRAFT_ERROR(Augmentation(Json{{"color_jitter", {{"hue", 0.7}}}}), ErrorCode::usage, "hue");
  EXPECT_GRAFT_ERROR(Augmentation(Json{{"randaugment", {{"magnitude", 31}}}}), ErrorCode::usage,
                     "magnitude");
  EXPECT_GRAFT_ERROR(Augmentation(Json{{"random_erasing", {{"value", "black"}}}}), ErrorCode::usage,
                     "value");
  EXPECT_GRAFT_ERROR(Augmentation(Json(7)), ErrorCode::usage, "augment");
}

/// A picture whose pixels say where they are, so that geometry can be read back.
Image ruler(int width, int height) {
  Image image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.at(x, y)[0] = static_cast<uint8_t>(x);
      image.at(x, y)[1] = static_cast<uint8_t>(y);
      image.at(x, y)[2] = 255;
    }
  }
  return image;
}

TEST(Augmentation, ResizedCropsHaveTheDeclaredAreasAndProportions) {
  const Augmentation augment(
      Json::parse(R"({"random_resized_crop": {"scale": [0.2, 0.6], "interpolation": "nearest"}})"));
  const Image source = ruler(200, 200);
  double mean = 0, smallest = 1, largest = 0, tall = 0;
  constexpr int kDraws = 2000;
  for (uint64_t i = 0; i < kDraws; ++i) {
    Rng rng{5, i};
    const Image image = augment.apply(source, rng, 100, 100);
    // With nearest, the first and last samples lie half a step inside the crop.
    const double width = (image.at(99, 0)[0] - image.at(0, 0)[0]) * 100.0 / 99;
    const double height = (image.at(0, 99)[1] - image.at(0, 0)[1]) * 100.0 / 99;
    const double share = width * height / 40000;
    const double ratio = width / height;
    EXPECT_GT(ratio, 0.72);
    EXPECT_LT(ratio, 1.39);
    mean += share / kDraws;
    smallest = std::min(smallest, share);
    largest = std::max(largest, share);
    tall += (ratio < 1) / static_cast<double>(kDraws);
  }
  // Uniform in [0.2, 0.6]: mean 0.4 with a standard error of 0.0026.
  EXPECT_NEAR(mean, 0.4, 0.012);
  EXPECT_NEAR(smallest, 0.2, 0.02);
  EXPECT_NEAR(largest, 0.6, 0.02);
  EXPECT_NEAR(tall, 0.5, 0.05);
}

TEST(Augmentation, CropsFallBackToTheMiddleWhenNothingFits) {
  // 300 x 4 holds no crop of all the area with a ratio of at most 4/3.
  const Augmentation augment(
      Json::parse(R"({"random_resized_crop": {"scale": [1, 1], "interpolation": "nearest"}})"));
  Image source(300, 4, 10);
  for (int y = 0; y < 4; ++y) {
    for (int x = 148; x < 153; ++x) source.at(x, y)[0] = 200;
  }
  Rng rng(1);
  const Image image = augment.apply(source, rng, 5, 4);
  for (int x = 0; x < 5; ++x) EXPECT_EQ(image.at(x, 0)[0], x == 0 ? 10 : 200) << x;
}

TEST(Augmentation, FlipsHalfOfTheTime) {
  const Augmentation augment{Json("flip")};
  const Image source = ruler(16, 16);
  int flipped = 0;
  for (uint64_t i = 0; i < 2000; ++i) {
    Rng rng{9, i};
    const Image image = augment.apply(source, rng, 16, 16);
    ASSERT_TRUE(image == source || image == hflip(source));
    flipped += image != source;
  }
  EXPECT_NEAR(flipped, 1000, 90);  // four standard deviations
}

TEST(Augmentation, RandomCropShiftsByUpToThePadding) {
  const Image source = ruler(32, 32);
  for (const char* mode : {"constant", "edge", "reflect", "symmetric"}) {
    const Augmentation augment(
        Json{{"random_crop", {{"padding", 4}, {"padding_mode", mode}, {"fill", 3}}}});
    int counts[9] = {};
    for (uint64_t i = 0; i < 900; ++i) {
      Rng rng{2, i};
      const Image image = augment.apply(source, rng, 32, 32);
      const int shift = image.at(16, 16)[0] - 16;
      ASSERT_LE(std::abs(shift), 4);
      ++counts[shift + 4];
      if (shift == -2) {
        const std::map<std::string, std::pair<int, int>> expected{
            {"constant", {3, 3}}, {"edge", {0, 0}}, {"reflect", {2, 1}}, {"symmetric", {1, 0}}};
        EXPECT_EQ(int{image.at(0, 16)[0]}, expected.at(mode).first) << mode;
        EXPECT_EQ(int{image.at(1, 16)[0]}, expected.at(mode).second) << mode;
        EXPECT_EQ(int{image.at(2, 16)[0]}, 0) << mode;
      }
    }
    for (const int count : counts) EXPECT_NEAR(count, 100, 45) << mode;
  }
  // Smaller than the network's input: padded further.
  Rng rng(4);
  EXPECT_EQ(Augmentation(Json("random_crop")).apply(ruler(10, 10), rng, 32, 32).width, 32);
}

TEST(Augmentation, ErasesRectanglesOfTheDeclaredArea) {
  const Augmentation augment(Json::parse(R"({"random_erasing": {"p": 0.25, "value": [7, 8, 9]}})"));
  constexpr int kSide = 64;
  int erased = 0;
  double mean = 0;
  for (uint64_t i = 0; i < 2000; ++i) {
    Rng rng{3, i};
    std::vector<float> pixels(kSide * kSide * 3, 0.0f);
    augment.apply_to_floats(pixels.data(), {kSide, kSide}, rng);
    int count = 0, left = kSide, right = -1, top = kSide, bottom = -1;
    for (int y = 0; y < kSide; ++y) {
      for (int x = 0; x < kSide; ++x) {
        const float* pixel = &pixels[static_cast<size_t>(y * kSide + x) * 3];
        if (pixel[0] == 0) continue;
        ASSERT_EQ(pixel[0], 7);
        ASSERT_EQ(pixel[1], 8);
        ASSERT_EQ(pixel[2], 9);
        ++count;
        left = std::min(left, x), right = std::max(right, x), top = std::min(top, y),
        bottom = std::max(bottom, y);
      }
    }
    if (count == 0) continue;
    ++erased;
    EXPECT_EQ(count, (right - left + 1) * (bottom - top + 1));
    mean += count / static_cast<double>(kSide * kSide);
  }
  EXPECT_NEAR(erased, 500, 80);
  EXPECT_NEAR(mean / erased, (0.02 + 0.33) / 2, 0.02);

  const Augmentation noise(Json::parse(R"({"random_erasing": {"p": 1, "value": "random"}})"));
  Rng rng(8);
  std::vector<float> pixels(kSide * kSide * 3, 100.0f);
  noise.apply_to_floats(pixels.data(), {kSide, kSide}, rng);
  double sum = 0, squares = 0, n = 0;
  for (const float value : pixels) {
    if (value != 100.0f) sum += value, squares += double{value} * value, ++n;
  }
  ASSERT_GT(n, 100);
  EXPECT_NEAR(sum / n, 0, 0.2);
  EXPECT_NEAR(squares / n, 1, 0.3);
}

TEST(Augmentation, PreprocessComesFirstUnlessACropDoesIt) {
  const Image source = pattern(120, 60);
  const Preprocess preprocess = Preprocess::from_config(
      {{"image_processor_type", "BitImageProcessor"}, {"size", 40}, {"crop_size", 32}}, "x");
  Rng rng(1);
  EXPECT_EQ(Augmentation().apply(source, rng, preprocess), preprocess.apply(source));
  EXPECT_FALSE(Augmentation(Json("flip")).sets_size());
  EXPECT_TRUE(Augmentation(Json("light")).sets_size());
}

}  // namespace
}  // namespace graft::image
