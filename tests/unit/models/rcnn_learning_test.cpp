#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/models/detector.h"
#include "graft/nn/norm.h"
#include "tests/unit/models/golden.h"
#include "tests/unit/models/scenes.h"

/// Faster R-CNN and RetinaNet that know nothing learn where rectangles are, and of which colour.
namespace graft::models::test {
namespace {

class RcnnLearning : public testing::TestWithParam<std::string> {};

TEST_P(RcnnLearning, RectanglesByHeart) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);  // too small for more
  ModelSource source;
  source.config = {{"model_type", GetParam()},
                   {"embedding_size", 16},
                   {"hidden_sizes", {16, 24, 32, 32}},
                   {"depths", {1, 1, 1, 1}},
                   {"layer_type", "basic"},
                   {"frozen_batch_norm", false},
                   {"fpn_channels", 24},
                   {"representation_size", 64},
                   {"anchor_sizes", {{8}, {16}, {24}, {32}, {48}}},
                   {"rpn_pre_nms_top_n_train", 100},
                   {"rpn_post_nms_top_n_train", 60},
                   {"rpn_post_nms_top_n_test", 40},
                   {"rpn_batch_size_per_image", 64},
                   {"box_batch_size_per_image", 32},
                   {"image_size", kSceneSide}};
  source.task = Task::boxes;
  source.random = true;
  source.seed = 5;
  const LoadedModel loaded = load_model(source, {"red", "green", "blue"});
  Model& model = *loaded.model;
  const auto detector = make_detector(model);
  const std::vector<Scene> scenes = make_scenes(4);
  const auto truth = truth_of(scenes);
  const at::Tensor pixels = pixels_of(model, scenes);
  set_trained(model, true);
  AdamW optimizer(model, 3e-3);
  nn::Context context;
  context.training = true;
  context.generator = at::detail::createCPUGenerator(3);
  for (int step = 0; step < 200; ++step) {
    for (nn::BatchNorm* norm : model.registry().batch_norms) norm->use_batch_statistics(true);
    nn::Flow flow("pixels", pixels);
    flow["objects"] = objects_tensor(truth);
    detector->loss(model.forward(std::move(flow), context), truth).total.mean().backward();
    optimizer.step();
  }
  for (nn::BatchNorm* norm : model.registry().batch_norms) norm->use_batch_statistics(false);
  const auto [recall, precision] = recall_and_precision(model, *detector, scenes);
  EXPECT_GT(recall, 0.9);
  EXPECT_GT(precision, 0.9);
  at::set_num_threads(threads);
}

INSTANTIATE_TEST_SUITE_P(Families, RcnnLearning, testing::Values("faster_rcnn", "retinanet"),
                         [](const auto& one) { return one.param; });

}  // namespace
}  // namespace graft::models::test
