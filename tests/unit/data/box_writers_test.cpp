#include "graft/data/box_writers.h"

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/data/coco_file.h"
#include "graft/data/format.h"
#include "tests/support/support.h"
#include "tests/unit/data/make.h"

namespace graft::data {
namespace {

using graft::test::ScratchDir;

constexpr float kHundredth = 0.0051F;

const std::vector<std::string> kClasses = {"cat", "dog & <wolf>", "O'Neill \"x\""};

/// Two pictures with boxes and one without, in folders.
std::vector<FoundInPicture> found_in(const std::filesystem::path& pictures) {
  Rng rng{7};
  std::vector<FoundInPicture> found;
  for (const auto& [file, boxes] : {std::pair{"a.png", 3}, {"deep/b.png", 2}, {"c.png", 0}}) {
    test::write_picture(pictures / file, 1, 60, 40);
    FoundInPicture picture{file, static_cast<int64_t>(10 * found.size() + 4), {60, 40}, {}};
    for (int i = 0; i < boxes; ++i) {
      const auto x = static_cast<float>(rng.uniform(0, 30));
      const auto y = static_cast<float>(rng.uniform(0, 20));
      picture.boxes.push_back({{x, y, x + static_cast<float>(rng.uniform(2, 30)),
                                y + static_cast<float>(rng.uniform(2, 20))},
                               i % 3,
                               static_cast<float>(rng.uniform())});
    }
    found.push_back(picture);
  }
  found[0].boxes[0].box = {1, 2, 31, 40};  // whole numbers
  return found;
}

void expect_equal(const Listing& listing, const std::vector<FoundInPicture>& found) {
  for (const FoundInPicture& picture : found) {
    const auto sample =
        std::find_if(listing.samples.begin(), listing.samples.end(),
                     [&](const Sample& one) { return one.id.ends_with(picture.file); });
    ASSERT_NE(sample, listing.samples.end()) << picture.file;
    ASSERT_EQ(sample->boxes.size(), picture.boxes.size());
    for (size_t i = 0; i < picture.boxes.size(); ++i) {
      const image::Box& read = sample->boxes[i].box;
      const image::Box& written = picture.boxes[i].box;
      EXPECT_NEAR(read.x0, written.x0, kHundredth);
      EXPECT_NEAR(read.y0, written.y0, kHundredth);
      EXPECT_NEAR(read.x1, written.x1, 2 * kHundredth);
      EXPECT_NEAR(read.y1, written.y1, 2 * kHundredth);
      EXPECT_EQ(listing.classes[static_cast<size_t>(sample->boxes[i].label)],
                kClasses[static_cast<size_t>(picture.boxes[i].label)]);
    }
  }
}

TEST(BoxWriters, CocoIsReadBack) {
  const ScratchDir dir;
  const auto found = found_in(dir / "images");
  write_coco(dir / "annotations" / "boxes.json", found, kClasses);
  expect_equal(open_listing(dir / "annotations" / "boxes.json", "", nullptr), found);
}

TEST(BoxWriters, ResultsOfCocoAreReadBack) {
  const ScratchDir dir;
  const auto found = found_in(dir / "images");
  write_coco(dir / "truth.json", found, kClasses);
  write_coco_results(dir / "results.json", found);
  const auto results = read_coco_results(dir / "results.json", read_coco(dir / "truth.json"));
  ASSERT_EQ(results.size(), 5U);
  EXPECT_EQ(results[3].image, 1);
  EXPECT_EQ(results[3].category, 0);
  EXPECT_NEAR(results[3].box[0], found[1].boxes[0].box.x0, kHundredth);
  EXPECT_NEAR(results[3].box[2], found[1].boxes[0].box.width(), kHundredth);
  EXPECT_NEAR(results[3].score, found[1].boxes[0].score, 1e-6);
  write_coco_results(dir / "results.json", found, {3, 1, 2});
  EXPECT_EQ(read_coco_results(dir / "results.json", read_coco(dir / "truth.json"))[3].category, 2);
  write_coco_results(dir / "results.json", {});
  EXPECT_TRUE(read_coco_results(dir / "results.json", read_coco(dir / "truth.json")).empty());
}

TEST(BoxWriters, VocIsReadBack) {
  const ScratchDir dir;
  auto found = found_in(dir / "JPEGImages");
  found[1].file = "b.png";
  std::filesystem::rename(dir / "JPEGImages" / "deep" / "b.png", dir / "JPEGImages" / "b.png");
  write_voc(dir.path(), found, kClasses, "val");
  const Listing listing = open_listing(dir.path(), "", nullptr);
  expect_equal(listing, found);
  EXPECT_EQ(listing.splits[0], Split::validation);
  const std::string xml = graft::test::read_text(dir / "Annotations" / "a.xml");
  EXPECT_NE(xml.find("<xmax>31</xmax>"), std::string::npos) << xml;  // whole numbers stay whole
  found[1].file = "other/a.jpg";
  EXPECT_GRAFT_ERROR(write_voc(dir.path(), found, kClasses), ErrorCode::usage,
                     "two pictures are called a");
}

TEST(BoxWriters, YoloIsReadBack) {
  const ScratchDir dir;
  const auto found = found_in(dir / "images");
  for (const bool scores : {false, true}) {
    write_yolo(dir.path(), found, kClasses, scores);
    expect_equal(open_listing(dir.path(), "", nullptr), found);
  }
  EXPECT_TRUE(graft::test::read_text(dir / "labels" / "c.txt").empty());
}

}  // namespace
}  // namespace graft::data
