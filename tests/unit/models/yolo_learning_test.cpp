#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/base/files.h"
#include "graft/models/detector.h"
#include "graft/nn/norm.h"
#include "tests/support/support.h"
#include "tests/unit/models/golden.h"
#include "tests/unit/models/scenes.h"

/// A detector that knows nothing learns where rectangles are, and of which colour.
namespace graft::models::test {
namespace {

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
  const std::vector<Scene> scenes = make_scenes(8);
  const auto truth = truth_of(scenes);
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
  const auto [recall, precision] = recall_and_precision(model, *detector, scenes);
  EXPECT_GT(recall, 0.9);
  EXPECT_GT(precision, 0.9);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Learning, testing::Values("mse", "giou", "ciou"),
                         [](const auto& kind) { return kind.param; });

}  // namespace
}  // namespace graft::models::test
