#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>

#include "graft/base/files.h"
#include "graft/base/rng.h"
#include "graft/models/detector.h"
#include "graft/nn/norm.h"
#include "tests/support/support.h"
#include "tests/unit/models/golden.h"

/// A detector that knows nothing learns where rectangles are, and of which colour.
namespace graft::models::test {
namespace {

struct Scene {
  image::Image picture;
  std::vector<Truth> truth;
};

/// Rectangles of three colours that do not meet, on noise.
Scene make_scene(uint64_t number) {
  Rng rng{3, 0, number};
  Scene scene{image::Image(64, 64), {}};
  for (uint8_t& sample : scene.picture.pixels) sample = static_cast<uint8_t>(rng.below(60));
  for (int attempt = 0; attempt < 8 && scene.truth.size() < 3; ++attempt) {
    const int w = 10 + static_cast<int>(rng.below(24)), h = 10 + static_cast<int>(rng.below(24));
    const int x = static_cast<int>(rng.below(static_cast<uint64_t>(64 - w)));
    const int y = static_cast<int>(rng.below(static_cast<uint64_t>(64 - h)));
    const image::Box box{static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + w),
                         static_cast<float>(y + h)};
    if (std::ranges::any_of(scene.truth, [&](const Truth& other) {
          return image::intersection(box, other.box).area() > 0;
        }))
      continue;
    const int label = static_cast<int>(rng.below(3));
    for (int j = y; j < y + h; ++j) {
      for (int i = x; i < x + w; ++i) scene.picture.at(i, j)[label] = 230;
    }
    scene.truth.push_back({box, label});
  }
  return scene;
}

at::Tensor pixels_of(const Model& model, const std::vector<Scene>& scenes) {
  at::Tensor pixels = at::empty({static_cast<int64_t>(scenes.size()), 3, 64, 64}, at::kFloat,
                                at::MemoryFormat::ChannelsLast);
  float* at = pixels.data_ptr<float>();
  for (const Scene& scene : scenes) {
    model.preprocess().to_floats(scene.picture, at);
    at += static_cast<ptrdiff_t>(64) * 64 * 3;
  }
  return pixels;
}

/// The share of objects that are found, and of boxes that are right.
std::pair<double, double> measure(Model& model, const Detector& detector,
                                  const std::vector<Scene>& scenes) {
  std::vector<image::Image> pictures;
  for (const Scene& scene : scenes) pictures.push_back(scene.picture);
  const auto found = detect(model, detector, pictures, {.score = 0.5F});
  double right = 0, boxes = 0, objects = 0;
  for (size_t i = 0; i < scenes.size(); ++i) {
    boxes += static_cast<double>(found[i].size());
    objects += static_cast<double>(scenes[i].truth.size());
    for (const Truth& object : scenes[i].truth) {
      right += std::ranges::any_of(found[i], [&](const Detection& one) {
        return one.label == object.label && image::iou(one.box, object.box) > 0.6F;
      });
    }
  }
  return {right / objects, boxes > 0 ? right / boxes : 0};
}

class Learning : public testing::TestWithParam<std::string> {};

TEST_P(Learning, RectanglesByHeart) {
  std::string cfg =
      read_file(graft::test::source_dir() / "tests" / "golden" / "darknet" / "tiny.cfg", 1 << 20);
  const std::string classes = "classes=3";
  const std::string loss = "iou_thresh=0.3\niou_normalizer=0.07\niou_loss=" + GetParam() + "\n";
  for (size_t at = 0; (at = cfg.find(classes, at)) != std::string::npos;
       at += loss.size() + classes.size())
    cfg.insert(at, loss);
  ModelSource source;
  source.config = {{"model_type", "darknet"}, {"cfg", cfg}};
  source.task = Task::boxes;
  source.random = true;
  source.seed = 5;
  const LoadedModel loaded = load_model(source, {"red", "green", "blue"});
  Model& model = *loaded.model;
  const auto detector = make_detector(model);
  std::vector<Scene> scenes;
  for (uint64_t i = 0; i < 8; ++i) scenes.push_back(make_scene(i));
  std::vector<std::vector<Truth>> truth;
  for (const Scene& scene : scenes) truth.push_back(scene.truth);
  const at::Tensor pixels = pixels_of(model, scenes);
  set_trained(model, true);
  AdamW optimizer(model, 1e-2);
  for (int step = 0; step < 200; ++step) {
    for (nn::BatchNorm* norm : model.registry().batch_norms) norm->use_batch_statistics(true);
    nn::Context context;
    context.training = true;
    detector->loss(model.forward({"pixels", pixels}, context), truth).total.mean().backward();
    optimizer.step();
  }
  for (nn::BatchNorm* norm : model.registry().batch_norms) norm->use_batch_statistics(false);
  const auto [recall, precision] = measure(model, *detector, scenes);
  EXPECT_GT(recall, 0.9);
  EXPECT_GT(precision, 0.9);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Learning, testing::Values("mse", "giou", "ciou"),
                         [](const auto& kind) { return kind.param; });

}  // namespace
}  // namespace graft::models::test
