#include "graft/data/check.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "graft/base/rng.h"
#include "graft/data/fingerprint.h"
#include "graft/image/codec.h"
#include "graft/image/resize.h"
#include "tests/support/support.h"
#include "tests/unit/data/make.h"

namespace graft::data {
namespace {

namespace fs = std::filesystem;
using graft::test::ScratchDir;
using graft::test::write_text;

TEST(Check, FindsWhatIsWrong) {
  const ScratchDir dir;
  const auto root = dir / "d";
  test::write_folder(root / "train", {"big", "small"}, 1, 1);
  for (int i = 1; i < 12; ++i)
    test::write_picture(root / "train" / "big" / fmt::format("{:03}.png", i),
                        static_cast<uint64_t>(i), 60, 50);
  test::write_folder(root / "validation", {"big", "small"}, 1, 2);
  test::write_folder(root / "test", {"big"}, 1, 3);
  fs::create_directories(root / "train" / "nothing");
  write_text(root / "train" / "big" / "bad.jpg", "\xFF\xD8 broken");
  fs::copy_file(root / "train" / "big" / "003.png", root / "test" / "big" / "same.png");
  fs::copy_file(root / "train" / "big" / "004.png", root / "validation" / "small" / "other.png");
  const image::Image original = test::picture(60, 50, 5);
  write_text(root / "test" / "big" / "alike.png",
             test::png(image::resize(original, 48, 40, image::Filter::bilinear)));
  write_text(root / "test" / "big" / "wide.png", test::png(test::picture(200, 40, 99)));

  int64_t told = 0;
  const CheckReport report =
      check(open_dataset(root.string(), 1), 2, [&](int64_t done, int64_t) { told = done; });
  EXPECT_EQ(told, report.samples);
  EXPECT_EQ(report.samples, 21);
  ASSERT_EQ(report.unreadable.size(), 1U);
  EXPECT_EQ(report.unreadable[0].place.id, "train/big/bad.jpg");
  EXPECT_EQ(report.unreadable[0].place.split, Split::train);
  EXPECT_FALSE(report.unreadable[0].reason.empty());
  EXPECT_EQ(report.empty_classes, std::vector<std::string>{"nothing"});
  EXPECT_EQ(report.classes[0].train, 13);
  EXPECT_DOUBLE_EQ(report.imbalance, 13);
  ASSERT_EQ(report.duplicates.size(), 2U);
  EXPECT_TRUE(report.duplicates[0].across_splits);
  EXPECT_EQ(report.duplicates[0].places[1].id, "test/big/same.png");
  EXPECT_FALSE(report.duplicates[0].different_labels);
  EXPECT_TRUE(report.duplicates[1].different_labels);
  ASSERT_EQ(report.look_alikes.size(), 1U);
  EXPECT_EQ(report.look_alikes[0].places[0].id, "train/big/005.png");
  EXPECT_EQ(report.look_alikes[0].places[1].id, "test/big/alike.png");
  ASSERT_EQ(report.odd.size(), 1U);
  EXPECT_EQ(report.odd[0].id, "test/big/wide.png");
  EXPECT_EQ(report.tiny.size(), 5U);
  EXPECT_EQ(report.min_side, 20);
  EXPECT_EQ(report.max_side, 50);

  EXPECT_EQ(report.problems().size(), 5U);
  const std::string text = report.text();
  for (const char* part :
       {"bad.jpg", "same.png", "wide.png", "alike.png", "nothing", "largest class"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  const Json json = Json::parse(report.json().dump());
  EXPECT_EQ(json["unreadable"][0]["id"], "train/big/bad.jpg");
  EXPECT_EQ(json["duplicates"][1]["samples"][1]["labels"][0], "small");
  EXPECT_EQ(json["problems"].size(), 5U);
}

TEST(Check, HasNothingToSayAboutCleanData) {
  const ScratchDir dir;
  test::write_folder(dir / "d", {"a", "b"}, 10);
  const CheckReport report = check(open_dataset((dir / "d").string(), 1), 3);
  EXPECT_TRUE(report.problems().empty()) << report.text();
  EXPECT_NE(report.text().find("no problems were found"), std::string::npos);
  EXPECT_TRUE(report.look_alikes.empty()) << report.text();
}

TEST(Check, Texts) {
  const ScratchDir dir;
  std::string train = "text\tlabel\nthe  same\tb\nthe same \ta\nno\ta\n";
  for (int i = 0; i < 30; ++i) train += fmt::format("text number {}\ta\n", i);
  write_text(dir / "train.tsv", train);
  write_text(dir / "dev.tsv", "text\tlabel\nthe same\ta\ncaf\xC3\xA9\tb\n");
  write_text(dir / "test.tsv", "text\tlabel\n" + std::string(10'001, 'x') + "\tb\n");
  const CheckReport report = check(open_dataset(dir.path().string(), 1), 2);
  EXPECT_EQ(report.samples, 36);
  ASSERT_EQ(report.duplicates.size(), 1U);
  EXPECT_EQ(report.duplicates[0].places.size(), 3U);
  EXPECT_TRUE(report.duplicates[0].across_splits);
  EXPECT_TRUE(report.duplicates[0].different_labels);
  EXPECT_EQ(report.duplicates[0].excerpt, "the same");
  ASSERT_EQ(report.short_texts.size(), 1U);
  EXPECT_EQ(report.short_texts[0].id, "train/line:4");
  ASSERT_EQ(report.long_texts.size(), 1U);
  EXPECT_EQ(report.min_characters, 2);
  EXPECT_EQ(report.max_characters, 10'001);
  EXPECT_DOUBLE_EQ(report.imbalance, 32);
  EXPECT_EQ(report.problems().size(), 3U);
  const std::string text = report.text();
  for (const char* part : {"1 text(s) are in more than one split", "'the same': train/line:2",
                           "2 to 10,001 characters, median 14", "fewer than 3 characters"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  const Json json = report.json();
  EXPECT_EQ(json["characters"]["max"], 10'001);
  EXPECT_FALSE(json.contains("shorter_side"));
}

TEST(Check, TextsWithValues) {
  const ScratchDir dir;
  write_text(dir / "t.tsv", "text\tscore\na a\t1.5\nb b\t2\na  a\t1.5\nb b\t3\nc c\t5\n");
  const CheckReport report = check(
      open_dataset(Json{{"path", (dir / "t.tsv").string()}, {"split", {{"validation", 0}}}}, 1), 1);
  EXPECT_TRUE(report.values);
  EXPECT_TRUE(report.empty_classes.empty());
  ASSERT_EQ(report.duplicates.size(), 2U);
  EXPECT_EQ(report.duplicates[0].different_labels + report.duplicates[1].different_labels, 1);
  EXPECT_NE(report.text().find("values of train"), std::string::npos) << report.text();
}

TEST(Fingerprints, SurviveScalingAndCompression) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const image::Image original = test::picture(160, 120, seed);
    const Fingerprint print = fingerprint(original);
    EXPECT_GE(print.visible, 64);
    EXPECT_EQ(fingerprint(original), print);
    const auto packed = image::encode_jpeg(original, 70);
    const Fingerprint copy =
        fingerprint(image::resize(image::decode(packed, "copy"), 120, 90, image::Filter::bicubic));
    EXPECT_NE(copy.exact, print.exact);
    EXPECT_LE(look_distance(copy, print), kAlikeBits);
    EXPECT_GT(look_distance(fingerprint(test::picture(160, 120, seed + 100)), print), 20);
  }
  EXPECT_EQ(fingerprint(image::Image(50, 50, 9)).visible, 0);
}

TEST(Fingerprints, PairsAreThoseOfTheSlowWay) {
  std::vector<Fingerprint> prints(150);
  Rng rng(5);
  for (size_t i = 0; i < prints.size(); ++i) {
    prints[i].exact = {rng.next(), 0};
    prints[i].look =
        i % 3 == 0 ? std::array<uint64_t, 2>{rng.next(), rng.next()} : prints[i - 1].look;
    for (int k = 0; i % 3 != 0 && k < rng.integer(0, 4); ++k)
      prints[i].look[rng.below(2)] ^= uint64_t{1} << rng.below(64);
    prints[i].visible = i % 17 == 4 ? 20 : i % 5 == 0 ? 70 : 128;
  }
  std::vector<std::pair<int64_t, int64_t>> slow;
  for (int64_t a = 0; a < 150; ++a) {
    for (int64_t b = a + 1; b < 150; ++b) {
      const auto &x = prints[static_cast<size_t>(a)], &y = prints[static_cast<size_t>(b)];
      const int visible = std::min(x.visible, y.visible);
      if (visible >= 32 && look_distance(x, y) <= visible / 32) slow.emplace_back(a, b);
    }
  }
  EXPECT_GT(slow.size(), 50U);
  EXPECT_EQ(look_alikes(prints), slow);
}

TEST(Fingerprints, PairsConnectToGroups) {
  EXPECT_EQ(connect({{1, 5}, {2, 3}, {5, 9}, {3, 8}, {2, 8}, {9, 10}}),
            (std::vector<std::vector<int64_t>>{{1, 5, 9, 10}, {2, 3, 8}}));
  EXPECT_TRUE(connect({}).empty());
}

TEST(Check, BoxesThatWereCutLeftOutOrOutside) {
  const ScratchDir dir;
  test::write_picture(dir / "images" / "a.png", 1, 60, 40);
  test::write_picture(dir / "images" / "b.png", 2, 60, 40);
  test::write_picture(dir / "images" / "c.png", 3, 60, 40);
  // b is said to be larger than it is.
  graft::test::write_text(dir / "boxes.json",
                          R"({"images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40},
                     {"id": 2, "file_name": "b.png", "width": 600, "height": 400},
                     {"id": 3, "file_name": "c.png"}],
          "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
          "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 20, 20]},
                          {"image_id": 1, "category_id": 1, "bbox": [1, 1, 20, 20]},
                          {"image_id": 1, "category_id": 1, "bbox": [5, 5, 0, 20]},
                          {"image_id": 1, "category_id": 1, "bbox": [50, 5, 30, 20], "iscrowd": 1},
                          {"image_id": 2, "category_id": 2, "bbox": [100, 5, 300, 200]}]})");
  const Dataset set = open_dataset(
      Json{{"path", (dir / "boxes.json").string()}, {"split", {{"validation", 0}, {"test", 0}}}},
      0);
  const CheckReport report = check(set, 1);
  ASSERT_TRUE(report.boxes.has_value());
  const BoxReport& boxes = *report.boxes;
  EXPECT_EQ(boxes.boxes, 4);
  EXPECT_EQ(boxes.crowds, 1);
  EXPECT_EQ(boxes.classes[0].train, 3);
  EXPECT_EQ(boxes.small, 3);
  EXPECT_EQ(boxes.large, 1);
  EXPECT_EQ(boxes.dropped_boxes, 1);
  EXPECT_EQ(boxes.cut_boxes, 1);
  ASSERT_EQ(boxes.outside.size(), 1U);
  EXPECT_EQ(boxes.outside[0].id, "b.png");
  ASSERT_EQ(boxes.repeated.size(), 1U);
  EXPECT_EQ(boxes.repeated[0].id, "a.png");
  ASSERT_EQ(boxes.bare.size(), 1U);
  EXPECT_EQ(boxes.bare[0].id, "c.png");
  EXPECT_EQ(boxes.max_side, std::sqrt(300.0F * 200));
  EXPECT_GE(report.problems().size(), 4U);
  const std::string text = report.text();
  EXPECT_NE(text.find("4 boxes (3 small, 0 medium, 1 large"), std::string::npos) << text;
  EXPECT_NE(text.find("pictures that are smaller than the data say (1)"), std::string::npos)
      << text;
  EXPECT_EQ(report.json()["boxes"]["left_out"], 1);
  EXPECT_EQ(report.json()["smaller_than_said"][0]["id"], "b.png");
}

}  // namespace
}  // namespace graft::data
