#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/models/detector.h"
#include "tests/unit/models/golden.h"
#include "tests/unit/models/scenes.h"

/// Set-based detectors that know nothing learn where rectangles are, and of which colour.
namespace graft::models::test {
namespace {

struct Case {
  std::string name;
  Json config;
  double rate;
  int steps;
};

class SetLearning : public testing::TestWithParam<Case> {};

TEST_P(SetLearning, RectanglesByHeart) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);  // too small for more
  ModelSource source;
  source.config = GetParam().config;
  source.config["preprocessor"] = {{"image_processor_type", "DetrImageProcessor"},
                                   {"size", {{"height", kSceneSide}, {"width", kSceneSide}}}};
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
  AdamW optimizer(model, GetParam().rate);
  for (int step = 0; step < GetParam().steps; ++step) {
    nn::Context context;
    context.training = true;
    detector->loss(model.forward({"pixels", pixels}, context), truth).total.mean().backward();
    optimizer.step();
  }
  const auto [recall, precision] = recall_and_precision(model, *detector, scenes);
  EXPECT_GT(recall, 0.9);
  EXPECT_GT(precision, 0.9);
  at::set_num_threads(threads);
}

const Json kYolos = {{"model_type", "yolos"},   {"hidden_size", 48},
                     {"num_hidden_layers", 3},  {"num_attention_heads", 4},
                     {"intermediate_size", 96}, {"image_size", {kSceneSide, kSceneSide}},
                     {"patch_size", 8},         {"num_detection_tokens", 6},
                     {"initializer_range", 0.1}};

const Json kDetr = {{"model_type", "detr"},
                    {"d_model", 48},
                    {"num_queries", 6},
                    {"encoder_layers", 1},
                    {"decoder_layers", 2},
                    {"encoder_attention_heads", 4},
                    {"decoder_attention_heads", 4},
                    {"encoder_ffn_dim", 96},
                    {"decoder_ffn_dim", 96},
                    {"dropout", 0},
                    {"backbone_config",
                     {{"model_type", "resnet"},
                      {"embedding_size", 16},
                      {"hidden_sizes", {16, 32}},
                      {"depths", {1, 1}},
                      {"layer_type", "basic"}}}};

const Json kDeformable = [] {
  Json config = kDetr;
  config.update({{"model_type", "deformable_detr"},
                 {"d_model", 64},
                 {"num_feature_levels", 2},
                 {"with_box_refine", true},
                 {"auxiliary_loss", true}});
  return config;
}();

INSTANTIATE_TEST_SUITE_P(Families, SetLearning,
                         testing::Values(Case{"yolos", kYolos, 2e-3, 250},
                                         Case{"detr", kDetr, 2e-3, 250},
                                         Case{"deformable_detr", kDeformable, 2e-3, 250}),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace graft::models::test
