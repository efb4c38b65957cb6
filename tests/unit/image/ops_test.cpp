#include "graft/base/error.h"
#include "graft/image/affine.h"
#include "graft/image/auto_ops.h"
#include "graft/image/color.h"
#include "tests/unit/image/golden.h"

namespace graft::image {
namespace {

Filter sampling(const Json& one) {
  return one.at("interpolation") == "bilinear" ? Filter::bilinear : Filter::nearest;
}

Image operated(const Image& in, const Json& one) {
  const std::string op = one.at("op");
  if (op == "auto") {
    const auto which = static_cast<AutoOp>(one.at("auto").get<int>());
    const auto space = one.at("space") == "rand_augment" ? AutoSpace::rand_augment
                                                         : AutoSpace::trivial_augment_wide;
    const double magnitude = auto_magnitude(which, space, one.at("bin"), 31, in.width, in.height) *
                             one.at("sign").get<int>();
    return apply_auto_op(in, which, magnitude, sampling(one));
  }
  const double value = one.at("value");
  if (op == "brightness") return adjust_brightness(in, value);
  if (op == "contrast") return adjust_contrast(in, value);
  if (op == "saturation") return adjust_saturation(in, value);
  if (op == "sharpness") return adjust_sharpness(in, value);
  if (op == "hue") return adjust_hue(in, value);
  if (op == "posterize") return posterize(in, static_cast<int>(value));
  if (op == "solarize") return solarize(in, value);
  if (op == "autocontrast") return autocontrast(in);
  if (op == "equalize") return equalize(in);
  if (op == "grayscale") return grayscale(in);
  if (op == "invert") return invert(in);
  if (op == "rotate") {
    const auto level = one.at("fill").get<uint8_t>();
    return rotate(in, value, sampling(one), {level, level, level});
  }
  ADD_FAILURE() << "unknown operation " << op;
  return in;
}

TEST(ImageOps, EqualPillowBitForBit) {
  const test::Pack source_pack("augment_sources"), pack("augment");
  std::map<std::string, Image> sources;
  for (const Json& one : source_pack.cases()) sources[one.at("name")] = source_pack.pixels(one);
  ASSERT_GE(pack.cases().size(), 190u);
  for (const Json& one : pack.cases()) {
    const Image got = operated(sources.at(one.at("source")), one);
    EXPECT_EQ(test::difference(got, pack.pixels(one)), 0) << one.dump();
  }
}

TEST(ImageOps, MagnitudesEqualTorchvision) {
  const Json data = read_json(test::golden_image_dir() / "magnitudes.json");
  const int width = data.at("width"), height = data.at("height");
  int checked = 0;
  for (const char* name : {"rand_augment", "trivial_augment_wide"}) {
    const auto space = std::string(name) == "rand_augment" ? AutoSpace::rand_augment
                                                           : AutoSpace::trivial_augment_wide;
    for (int op = 1; op <= 11; ++op) {
      for (const int bins : {31, 10}) {
        const Json& table = data.at("tables").at(fmt::format("{} {} {}", name, op, bins));
        ASSERT_EQ(table.size(), static_cast<size_t>(bins));
        for (int bin = 0; bin < bins; ++bin, ++checked) {
          const double expected = table[static_cast<size_t>(bin)];
          EXPECT_NEAR(auto_magnitude(static_cast<AutoOp>(op), space, bin, bins, width, height),
                      expected, 1e-6 * std::abs(expected))
              << name << " " << op << " " << bin;
        }
      }
    }
  }
  EXPECT_EQ(checked, 2 * 11 * 41);
}

}  // namespace
}  // namespace graft::image
