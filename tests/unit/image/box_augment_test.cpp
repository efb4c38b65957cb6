#include "graft/image/box_augment.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "graft/base/error.h"
#include "graft/image/letterbox.h"
#include "tests/support/support.h"

namespace graft::image {
namespace {

/// Colours that no mixture of the background or of each other resembles.
constexpr std::array<Colour, 4> kColours = {{{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 0}}};

void fill(Image& image, const Rect& part, const Colour& colour) {
  for (int y = part.y; y < part.y + part.height; ++y) {
    for (int x = part.x; x < part.x + part.width; ++x)
      std::copy(colour.begin(), colour.end(), image.at(x, y));
  }
}

/// A black picture with a coloured rectangle a label; they do not touch.
Scene drawn(int width, int height, Rng& rng) {
  Scene scene{Image(width, height), {}};
  const int columns = width / 4;
  for (int label = 0; label < 4; ++label) {
    const auto w = static_cast<int>(rng.integer(columns / 3, columns - 4));
    const auto h = static_cast<int>(rng.integer(height / 5, height - 6));
    const Rect part{columns * label + 2 + static_cast<int>(rng.integer(0, columns - 4 - w)),
                    2 + static_cast<int>(rng.integer(0, height - 4 - h)), w, h};
    fill(scene.image, part, kColours[static_cast<size_t>(label)]);
    BoxLabel one;
    one.box = {static_cast<float>(part.x), static_cast<float>(part.y),
               static_cast<float>(part.x + w), static_cast<float>(part.y + h)};
    one.label = label;
    one.area = static_cast<float>(w * h);
    scene.boxes.push_back(one);
  }
  return scene;
}

/// Nearer to the colour than to black.
bool shows(const uint8_t* pixel, const Colour& colour) {
  int difference = 0;
  int whole = 0;
  for (size_t c = 0; c < 3; ++c) {
    difference += std::abs(pixel[c] - colour[c]);
    whole += colour[c];
  }
  return 2 * difference < whole;
}

/// Where a colour is inside `where`; empty when it is not there.
Box found(const Image& image, const Colour& colour, const Rect& where) {
  Box box{1e6F, 1e6F, 0, 0};
  for (int y = std::max(0, where.y); y < std::min(image.height, where.y + where.height); ++y) {
    for (int x = std::max(0, where.x); x < std::min(image.width, where.x + where.width); ++x) {
      if (!shows(image.at(x, y), colour)) continue;
      const auto fx = static_cast<float>(x), fy = static_cast<float>(y);
      box = {std::min(box.x0, fx), std::min(box.y0, fy), std::max(box.x1, fx + 1),
             std::max(box.y1, fy + 1)};
    }
  }
  return box;
}

/// Each box lies around the pixels of its colour, to `close` pixels.
void expect_boxes_follow(const Scene& scene, float close = 1.5F) {
  for (const BoxLabel& one : scene.boxes) {
    // A little around the box, so that neither more nor less than its pixels is found.
    const Rect around{static_cast<int>(one.box.x0) - 3, static_cast<int>(one.box.y0) - 3,
                      static_cast<int>(one.box.width()) + 7,
                      static_cast<int>(one.box.height()) + 7};
    const Box pixels = found(scene.image, kColours[static_cast<size_t>(one.label)], around);
    EXPECT_NEAR(pixels.x0, one.box.x0, close);
    EXPECT_NEAR(pixels.y0, one.box.y0, close);
    EXPECT_NEAR(pixels.x1, one.box.x1, close);
    EXPECT_NEAR(pixels.y1, one.box.y1, close);
    EXPECT_GE(one.box.x0, 0);
    EXPECT_LE(one.box.x1, static_cast<float>(scene.image.width));
    EXPECT_LE(one.box.y1, static_cast<float>(scene.image.height));
    EXPECT_NEAR(one.area, one.box.area(), 0.02F * one.box.area() + 0.1F);
  }
}

constexpr Dimensions kFrame{160, 128};

/// Runs an augmentation many times on drawn scenes of several shapes.
void expect_follows(const Json& spec, bool always_some = true) {
  const BoxAugmentation augment(spec);
  for (uint64_t i = 0; i < 60; ++i) {
    SCOPED_TRACE(spec.dump() + " " + std::to_string(i));
    Rng scenes{i, 1};
    const std::array<Dimensions, 3> shapes = {{{160, 128}, {200, 90}, {120, 170}}};
    const Dimensions shape = shapes[i % 3];
    Rng rng{i, 2};
    // One scene of four has objects, so that those of others do not touch them.
    const uint64_t with_objects = augment.mixes() ? i % 4 : 0;
    const Scene empty{Image(shape.width, shape.height), {}};
    uint64_t drawn_scenes = 0;
    const Scene result =
        augment.apply(with_objects == 0 ? drawn(shape.width, shape.height, scenes) : empty, rng,
                      kFrame, [&](Rng& numbers) {
                        return ++drawn_scenes == with_objects ? drawn(140, 150, numbers) : empty;
                      });
    ASSERT_EQ(result.image.width, kFrame.width);
    ASSERT_EQ(result.image.height, kFrame.height);
    if (always_some) EXPECT_FALSE(result.boxes.empty());
    expect_boxes_follow(result);
  }
}

TEST(BoxAugment, BoxesFollowTheirPixels) {
  expect_follows(nullptr);
  expect_follows(Json{{"horizontal_flip", {{"p", 1}}}});
  expect_follows(Json{{"vertical_flip", {{"p", 1}}}});
  expect_follows(Json{{"iou_crop", {{"p", 1}}}});
  expect_follows(Json{{"scale_jitter", {{"scale", {0.4, 2.0}}}}}, false);
  expect_follows("mosaic", false);
  expect_follows(Json::array({"mosaic", "horizontal_flip", "vertical_flip", "iou_crop"}), false);
}

TEST(BoxAugment, PastedObjectsAreWhereTheirBoxesSay) {
  // Pasting may cover others in part, so that only what was pasted is looked for.
  const BoxAugmentation augment(Json{{"copy_paste", {{"p", 1}, {"hidden", 0}}}});
  int pasted = 0;
  for (uint64_t i = 0; i < 40; ++i) {
    Rng rng{i};
    Scene empty{Image(160, 128), {}};
    const Scene result =
        augment.apply(empty, rng, kFrame, [](Rng& numbers) { return drawn(100, 70, numbers); });
    pasted += static_cast<int>(result.boxes.size());
    expect_boxes_follow(result);
  }
  EXPECT_GT(pasted, 40);
}

TEST(BoxAugment, PastingHidesNoMoreThanItMay) {
  const BoxAugmentation augment(Json{{"copy_paste", {{"p", 1}, {"hidden", 0.2}, {"objects", 8}}}});
  for (uint64_t i = 0; i < 20; ++i) {
    Rng rng{i};
    Rng scenes{i, 5};
    const Scene before = drawn(160, 128, scenes);
    const Scene result =
        augment.apply(before, rng, kFrame, [](Rng& numbers) { return drawn(60, 40, numbers); });
    for (size_t k = 0; k < 4; ++k) {
      for (size_t n = 4; n < result.boxes.size(); ++n) {
        EXPECT_LE(intersection(result.boxes[n].box, before.boxes[k].box).area(),
                  0.2F * before.boxes[k].box.area() + 0.01F);
      }
    }
  }
}

TEST(BoxAugment, MixupKeepsTheObjectsOfBoth) {
  const BoxAugmentation augment(Json{{"mixup", {{"p", 1}, {"alpha", 1000}}}});
  Rng rng{3};
  Rng scenes{4};
  const Scene first = drawn(160, 128, scenes);
  const Scene result =
      augment.apply(first, rng, kFrame, [](Rng&) { return Scene{Image(160, 128, 200), {}}; });
  EXPECT_EQ(result.boxes, first.boxes);
  // Beta(1000, 1000) is about one half.
  EXPECT_NEAR(result.image.at(0, 0)[0], 100, 8);
  const Scene both =
      augment.apply(first, rng, kFrame, [](Rng& numbers) { return drawn(160, 128, numbers); });
  EXPECT_EQ(both.boxes.size(), 8U);
}

TEST(BoxAugment, ColoursLeaveBoxesAlone) {
  const BoxAugmentation augment(Json{{"color_jitter", {{"brightness", {0.5, 0.5}}}}});
  Rng rng{3};
  Rng scenes{4};
  const Scene before = drawn(160, 128, scenes);
  const Scene after = augment.apply(before, rng, kFrame);
  EXPECT_EQ(after.boxes, before.boxes);
  EXPECT_NE(after.image, before.image);
}

TEST(BoxAugment, MixingIsLeftOutWithoutOtherScenes) {
  const BoxAugmentation augment(Json::array({"mosaic", Json{{"mixup", {{"p", 1}}}}, "copy_paste"}));
  EXPECT_TRUE(augment.mixes());
  EXPECT_TRUE(augment.random());
  Rng rng{3};
  Rng scenes{4};
  const Scene before = drawn(160, 128, scenes);
  const Scene after = augment.apply(before, rng, kFrame);
  EXPECT_EQ(after.image, before.image);
  EXPECT_EQ(after.boxes, before.boxes);
  EXPECT_FALSE(BoxAugmentation(Json{{"horizontal_flip", {{"p", 0}}}}).random());
}

TEST(BoxAugment, TheSameNumbersGiveTheSameScene) {
  const BoxAugmentation augment(Json::array(
      {"mosaic", "scale_jitter", "iou_crop", "color_jitter", "horizontal_flip", "mixup"}));
  const BoxAugmentation again(augment.to_json());
  EXPECT_EQ(again.to_json(), augment.to_json());
  std::array<Scene, 2> results;
  for (size_t i = 0; i < 2; ++i) {
    Rng rng{9};
    Rng scenes{4};
    results[i] =
        (i == 0 ? augment : again).apply(drawn(200, 100, scenes), rng, kFrame, [](Rng& numbers) {
          return drawn(100, 90, numbers);
        });
  }
  EXPECT_EQ(results[0].image, results[1].image);
  EXPECT_EQ(results[0].boxes, results[1].boxes);
}

TEST(BoxAugment, EveryOptionOfEveryEntryIsKnownAndChecked) {
  EXPECT_GRAFT_ERROR(BoxAugmentation("mozaic"), ErrorCode::usage, "did you mean 'mosaic'");
  EXPECT_GRAFT_ERROR(BoxAugmentation(Json{{"mosaic", {{"p", 2}}}}), ErrorCode::usage, "p");
  EXPECT_GRAFT_ERROR(BoxAugmentation(Json{{"scale_jitter", {{"scale", {2, 1}}}}}), ErrorCode::usage,
                     "[low, high]");
  for (const BoxAugmentRecord& record : box_augmentations()) {
    EXPECT_FALSE(record.summary.empty());
    EXPECT_FALSE(record.source.empty()) << record.name;
    EXPECT_NO_THROW(BoxAugmentation(Json(record.name))) << record.name;
  }
}

TEST(CutBoxes, WhatIsHardlyVisibleGoesAndCrowdsStay) {
  std::vector<BoxLabel> boxes(4);
  boxes[0] = {{0, 0, 10, 10}, 0, false, false, 100};
  boxes[1] = {{-95, 0, 5, 10}, 1, false, false, 500};  // 5 % are left
  boxes[2] = {{-95, 0, 5, 10}, 2, true, false, 500};
  boxes[3] = {{20, 20, 30, 20.5F}, 3, false, false, 5};  // too low
  cut_boxes(boxes, {0, 0, 50, 50}, {});
  ASSERT_EQ(boxes.size(), 2U);
  EXPECT_EQ(boxes[0].label, 0);
  EXPECT_EQ(boxes[1].label, 2);
  EXPECT_EQ(boxes[1].box, (Box{0, 0, 5, 10}));
  EXPECT_FLOAT_EQ(boxes[1].area, 25);
}

TEST(Letterbox, PlacesAreDarknets) {
  // letterbox_image: new_w = w, new_h = im.h * w / im.w in whole numbers, in the middle.
  const auto place = [](Dimensions picture, Dimensions frame) {
    return Letterbox(picture, frame).place();
  };
  EXPECT_EQ(place({640, 480}, {320, 320}), (Rect{0, 40, 320, 240}));
  EXPECT_EQ(place({480, 640}, {320, 320}), (Rect{40, 0, 240, 320}));
  EXPECT_EQ(place({500, 333}, {416, 416}), (Rect{0, 69, 416, 277}));
  EXPECT_EQ(place({333, 500}, {416, 320}), (Rect{101, 0, 213, 320}));
  EXPECT_EQ(place({100, 100}, {64, 64}), (Rect{0, 0, 64, 64}));
  EXPECT_EQ(place({10000, 3}, {64, 64}), (Rect{0, 31, 64, 1}));
}

TEST(Letterbox, BoxesGoThereAndBack) {
  Rng rng{1};
  for (int i = 0; i < 200; ++i) {
    const Dimensions picture{static_cast<int>(rng.integer(20, 900)),
                             static_cast<int>(rng.integer(20, 900))};
    const Letterbox letterbox(picture, {320, 256});
    const auto x = static_cast<float>(rng.uniform(0, picture.width - 10));
    const auto y = static_cast<float>(rng.uniform(0, picture.height - 10));
    const Box box{x, y, x + 10, y + 8};
    const Box back = letterbox.back(letterbox.forth(box));
    EXPECT_NEAR(back.x0, box.x0, 2e-3);
    EXPECT_NEAR(back.y1, box.y1, 2e-3);
  }
  const Letterbox wide({640, 320}, {320, 320});
  EXPECT_EQ(wide.back({0, 0, 320, 80}).area(), 0);                  // beside the picture
  EXPECT_EQ(wide.back({-10, 0, 330, 320}), (Box{0, 0, 640, 320}));  // cut at its borders
}

TEST(Letterbox, AroundThePictureIsGrey) {
  const Image image = Letterbox({64, 32}, {64, 64}).apply(Image(64, 32, 250));
  EXPECT_EQ(image.at(0, 15)[1], Letterbox::kGrey);
  EXPECT_EQ(image.at(0, 16)[1], 250);
  EXPECT_EQ(image.at(63, 47)[1], 250);
  EXPECT_EQ(image.at(63, 48)[1], Letterbox::kGrey);
}

TEST(Boxes, IntersectionOverUnion) {
  EXPECT_FLOAT_EQ(iou({0, 0, 10, 10}, {5, 0, 15, 10}), 1.0F / 3);
  EXPECT_EQ(iou({0, 0, 10, 10}, {10, 0, 20, 10}), 0);  // borders are exclusive
  EXPECT_EQ(iou({0, 0, 0, 0}, {0, 0, 0, 0}), 0);
}

}  // namespace
}  // namespace graft::image
