#include "graft/image/resize.h"

#include "graft/image/resample_kernels.h"
#include "tests/unit/image/golden.h"

namespace graft::image {
namespace {

using test::difference;
using test::pattern;

Filter filter_named(const std::string& name) {
  const std::map<std::string, Filter> filters{
      {"nearest", Filter::nearest}, {"box", Filter::box},         {"bilinear", Filter::bilinear},
      {"hamming", Filter::hamming}, {"bicubic", Filter::bicubic}, {"lanczos", Filter::lanczos}};
  return filters.at(name);
}

TEST(Resize, EqualsPillowBitForBit) {
  const auto sources = test::golden_sources();
  const test::Pack pack("resize");
  ASSERT_EQ(pack.cases().size(), 66u);
  for (const Json& one : pack.cases()) {
    const Image expected = pack.pixels(one);
    const Image got = resize(sources.at(one.at("source")), expected.width, expected.height,
                             filter_named(one.at("filter")));
    EXPECT_EQ(difference(got, expected), 0) << one.dump();
  }
}

TEST(Resize, WindowEqualsTheSamePartOfTheWhole) {
  const Image source = pattern(83, 59);
  for (const auto& [width, height] :
       {std::pair{40, 30}, {200, 150}, {83, 30}, {40, 59}, {83, 59}}) {
    for (const Filter filter :
         {Filter::nearest, Filter::bilinear, Filter::bicubic, Filter::lanczos}) {
      const Rect window{7, 11, 19, 13};
      const Image whole = resize(source, width, height, filter);
      EXPECT_EQ(resize_window(source, width, height, filter, window), crop(whole, window));
    }
  }
}

TEST(Resize, CropThenResizeIgnoresWhatLiesOutside) {
  const Image source = pattern(60, 50);
  const Rect box{13, 9, 31, 40};
  for (const Filter filter : {Filter::nearest, Filter::box, Filter::bicubic}) {
    EXPECT_EQ(resize_crop(source, box, 20, 24, filter), resize(crop(source, box), 20, 24, filter));
  }
  // Up to the last pixel of the image, where vector loads must not read further.
  const Rect corner{30, 20, 30, 30};
  EXPECT_EQ(resize_crop(source, corner, 50, 50, Filter::lanczos),
            resize(crop(source, corner), 50, 50, Filter::lanczos));
}

TEST(Resize, SameSizeIsACopyAndConstantsStayConstant) {
  const Image source = pattern(31, 17);
  EXPECT_EQ(resize(source, 31, 17, Filter::lanczos), source);
  const Image flat(40, 30, 201);
  for (const Filter filter : {Filter::nearest, Filter::box, Filter::bilinear, Filter::hamming,
                              Filter::bicubic, Filter::lanczos}) {
    EXPECT_EQ(resize(flat, 7, 55, filter), Image(7, 55, 201));
  }
}

TEST(Resize, PortableKernelsGiveTheSameAsTheFastest) {
  for (const auto& [from, to] : {std::pair{61, 20}, {61, 200}, {9, 4}, {1, 7}, {400, 3}}) {
    const Image wide = pattern(from, 13), high = pattern(13, from);
    for (const Filter filter : {Filter::box, Filter::bilinear, Filter::bicubic, Filter::lanczos}) {
      const detail::Weights weights = detail::make_weights(from, to, 0, to, filter);
      const auto run = [&](const detail::Passes& passes) {
        Image across(to, 13), down(13, to);
        passes.horizontal({wide.pixels.data(), from, 13, static_cast<size_t>(from) * 3}, weights,
                          across);
        passes.vertical({high.pixels.data(), 13, from, 39}, weights, down);
        return std::pair{across, down};
      };
      EXPECT_EQ(run(detail::portable_passes()), run(detail::fastest_passes()));
    }
  }
}

TEST(Crop, CentreFollowsTheChosenLibrary) {
  using enum Centre;
  // Cutting 3 of 10: transformers floors 3.5, torchvision rounds it to even.
  EXPECT_EQ(center_box({10, 10}, 3, 3, transformers), (Rect{3, 3, 3, 3}));
  EXPECT_EQ(center_box({10, 10}, 3, 3, torchvision), (Rect{4, 4, 3, 3}));
  EXPECT_EQ(center_box({12, 12}, 3, 3, torchvision), (Rect{4, 4, 3, 3}));
  // Padding 5 to 8: the numpy backend of transformers puts the odd pixel in front, torchvision
  // behind.
  EXPECT_EQ(center_box({5, 20}, 8, 8, transformers), (Rect{-2, 6, 8, 8}));
  EXPECT_EQ(center_box({5, 20}, 8, 8, torchvision), (Rect{-1, 6, 8, 8}));

  const Image source(5, 20, 9);
  const Image padded = center_crop(source, 8, 8);
  EXPECT_EQ(padded.at(1, 0)[0], 0);
  EXPECT_EQ(padded.at(2, 0)[0], 9);
  EXPECT_EQ(padded.at(6, 7)[2], 9);
  EXPECT_EQ(padded.at(7, 7)[2], 0);
  EXPECT_EQ(crop(source, {50, 50, 3, 3}), Image(3, 3));
}

TEST(Flip, MirrorsAndTransposes) {
  const Image source = pattern(7, 4);
  const Image mirrored = hflip(source), upside = vflip(source), turned = transpose(source);
  ASSERT_EQ(turned.width, 4);
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 7; ++x) {
      for (int c = 0; c < 3; ++c) {
        EXPECT_EQ(mirrored.at(6 - x, y)[c], source.at(x, y)[c]);
        EXPECT_EQ(upside.at(x, 3 - y)[c], source.at(x, y)[c]);
        EXPECT_EQ(turned.at(y, x)[c], source.at(x, y)[c]);
      }
    }
  }
}

}  // namespace
}  // namespace graft::image
