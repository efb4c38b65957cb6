#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "graft/base/files.h"
#include "graft/image/codec.h"
#include "graft/models/darknet/files.h"
#include "graft/models/detector.h"
#include "graft/models/load.h"
#include "tests/support/support.h"

/// Real weights on real pictures: YOLO-Fastest 1.1 on 40 validation pictures of COCO, against
/// OpenCV's reading of the same files and against the objects that are there.
namespace graft::models::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWeights = "weights/yolo-fastest-1.1-coco";
constexpr const char* kPictures = "data/coco128-subset/images/val2017";
constexpr const char* kLabels = "data/coco128-subset/labels/val2017";

LoadedModel load(const fs::path& path) {
  ModelSource source;
  source.path = path.string();
  source.task = Task::boxes;
  return load_model(source);
}

std::vector<fs::path> pictures() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(graft::test::shared_dir() / kPictures))
    files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

bool near(const Detection& a, const Detection& b) {
  const auto close = [](float x, float y) { return std::abs(x - y) < 0.5F; };
  return a.label == b.label && std::abs(a.score - b.score) < 1e-3F && close(a.box.x0, b.box.x0) &&
         close(a.box.y0, b.box.y0) && close(a.box.x1, b.box.x1) && close(a.box.y1, b.box.y1);
}

bool has(const Detections& list, const Detection& one) {
  return std::ranges::any_of(list, [&](const Detection& other) { return near(one, other); });
}

Detections read_golden(const Json& list) {
  Detections found;
  for (const Json& one : list) {
    const auto number = [&](size_t i) { return one[i].get<float>(); };
    found.push_back({{number(2), number(3), number(4), number(5)}, one[0].get<int>(), number(1)});
  }
  return found;
}

/// What counts as found and right at an overlap of a half.
struct Count {
  double right = 0, found = 0, there = 0;
  double precision() const { return right / found; }
  double recall() const { return right / there; }
};

void count(const Detections& found, const fs::path& picture, image::Dimensions size, Count& sum) {
  Detections truth;
  std::ifstream file(graft::test::shared_dir() / kLabels /
                     fs::path(picture.filename()).replace_extension(".txt"));
  const auto width = static_cast<float>(size.width), height = static_cast<float>(size.height);
  int label = 0;
  for (float x, y, w, h; file >> label >> x >> y >> w >> h;) {
    const image::Box box{(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width,
                         (y + h / 2) * height};
    truth.push_back({box, label, 0});
  }
  sum.there += static_cast<double>(truth.size());
  for (const Detection& one : found) {
    if (one.score <= 0.3F) continue;
    ++sum.found;
    Detection* best = nullptr;
    for (Detection& object : truth) {
      if (object.label != one.label || object.score > 0) continue;
      if (!best || image::iou(one.box, object.box) > image::iou(one.box, best->box)) best = &object;
    }
    if (!best || image::iou(one.box, best->box) < 0.5F) continue;
    ++sum.right;
    best->score = 1;  // taken
  }
}

struct Case {
  const char* name;
  double precision, recall;  ///< of OpenCV's detections in detections.json
};

class YoloFastest : public testing::TestWithParam<Case> {};

TEST_P(YoloFastest, FindsWhatOpenCvFinds) {
  GRAFT_NEEDS_SHARED(kWeights);
  GRAFT_NEEDS_SHARED(kPictures);
  const Json golden =
      read_json(graft::test::source_dir() / "tests" / "golden" / "darknet" / "detections.json");
  const Json& expected = golden[GetParam().name];
  LoadedModel loaded =
      load(graft::test::shared_dir() / kWeights / (std::string(GetParam().name) + ".cfg"));
  const auto detector = make_detector(*loaded.model);
  DetectOptions options;
  options.score = golden["score"].get<float>();
  options.iou = golden["iou"].get<float>();
  Count sum;
  for (const fs::path& file : pictures()) {
    const image::Image picture = image::load(file);
    const Detections found = detect(*loaded.model, *detector, {picture}, options).front();
    const Detections theirs = read_golden(expected[file.filename().string()]);
    // Scores this close to the threshold may fall on either side of it.
    const auto sure = [&](const Detection& one) { return one.score > options.score + 2e-3F; };
    for (const Detection& one : theirs)
      EXPECT_TRUE(!sure(one) || has(found, one)) << file << ": " << one.label << " " << one.score;
    for (const Detection& one : found)
      EXPECT_TRUE(!sure(one) || has(theirs, one)) << file << ": " << one.label << " " << one.score;
    count(found, file, {picture.width, picture.height}, sum);
  }
  EXPECT_NEAR(sum.precision(), GetParam().precision, 0.01);
  EXPECT_NEAR(sum.recall(), GetParam().recall, 0.01);
}

TEST_P(YoloFastest, WritesTheFilesThatItRead) {
  GRAFT_NEEDS_SHARED(kWeights);
  const graft::test::ScratchDir scratch;
  const std::string name = GetParam().name;
  const fs::path folder = graft::test::shared_dir() / kWeights;
  const LoadedModel loaded = load(folder / (name + ".cfg"));
  EXPECT_EQ(loaded.model->classes()[9], "traffic light");
  save_darknet(*loaded.model, scratch.path(), name);
  constexpr size_t kMost = 1 << 24;
  for (const char* ending : {".cfg", ".weights"})
    EXPECT_EQ(read_file(scratch / (name + ending), kMost),
              read_file(folder / (name + ending), kMost));
  EXPECT_EQ(read_file(scratch / (name + ".names"), kMost), read_file(folder / "coco.names", kMost));
}

TEST(YoloFastestParts, AreCountedAsPublished) {
  GRAFT_NEEDS_SHARED(kWeights);
  const LoadedModel loaded = load(graft::test::shared_dir() / kWeights / "yolo-fastest-1.1.cfg");
  const Model& model = *loaded.model;
  // The 346,062 numbers of the file, less running means and variances.
  int64_t buffers = 0;
  for (const auto& p : model.registry().parameters) {
    if (p.name.ends_with("running_mean") || p.name.ends_with("running_var"))
      buffers += p.value->numel();
  }
  EXPECT_EQ(model.parameter_count() + buffers, 346062);
  EXPECT_EQ(model.block_name(model.head()), "head");
  EXPECT_EQ(model.block_name(model.head() - 1), "branch 1");
  EXPECT_EQ(model.block_span(model.head() - 1), Span::neck);
}

// ../shared/weights/README.md: .52 / .29, and .58 / .36 of the larger one, by OpenCV.
INSTANTIATE_TEST_SUITE_P(Sizes, YoloFastest,
                         testing::Values(Case{"yolo-fastest-1.1", 0.526, 0.299},
                                         Case{"yolo-fastest-1.1-xl", 0.550, 0.365}),
                         [](const auto& kind) {
                           return std::string(kind.param.name).ends_with("xl") ? "xl" : "small";
                         });

}  // namespace
}  // namespace graft::models::test
