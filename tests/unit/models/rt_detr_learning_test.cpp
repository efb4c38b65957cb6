#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/models/detector.h"
#include "graft/nn/norm.h"
#include "tests/unit/models/golden.h"
#include "tests/unit/models/scenes.h"

/// RT-DETR and D-FINE that know nothing learn where rectangles are, and of which colour.
namespace graft::models::test {
namespace {

/// As training shows them to the decoder.
at::Tensor objects_of(const std::vector<std::vector<Truth>>& truth) {
  size_t most = 0;
  for (const auto& picture : truth) most = std::max(most, picture.size());
  at::Tensor objects =
      at::full({static_cast<int64_t>(truth.size()), static_cast<int64_t>(most), 5}, -1.F);
  auto at = objects.accessor<float, 3>();
  for (size_t i = 0; i < truth.size(); ++i) {
    for (size_t k = 0; k < truth[i].size(); ++k) {
      const auto& [box, label] = truth[i][k];
      const float row[] = {box.x0, box.y0, box.x1, box.y1, static_cast<float>(label)};
      for (int64_t c = 0; c < 5; ++c)
        at[static_cast<int64_t>(i)][static_cast<int64_t>(k)][c] = row[c];
    }
  }
  return objects;
}

struct Case {
  std::string name;
  Json config;
  double rate;
  int steps;
};

class RtDetrLearning : public testing::TestWithParam<Case> {};

TEST_P(RtDetrLearning, RectanglesByHeart) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);  // too small for more
  ModelSource source;
  source.config = {{"encoder_hidden_dim", 32},
                   {"encoder_ffn_dim", 64},
                   {"encoder_attention_heads", 4},
                   {"d_model", 32},
                   {"num_queries", 8},
                   {"decoder_layers", 2},
                   {"decoder_ffn_dim", 64},
                   {"decoder_attention_heads", 4},
                   {"num_denoising", 12},
                   {"hidden_expansion", 0.5},
                   {"freeze_backbone_batch_norms", false},
                   {"preprocessor",
                    {{"image_processor_type", "RTDetrImageProcessor"},
                     {"size", {{"height", kSceneSide}, {"width", kSceneSide}}}}}};
  source.config.update(GetParam().config);
  source.task = Task::boxes;
  source.random = true;
  source.seed = 5;
  const LoadedModel loaded = load_model(source, {"red", "green", "blue"});
  Model& model = *loaded.model;
  const auto detector = make_detector(model);
  const std::vector<Scene> scenes = make_scenes(4);
  const auto truth = truth_of(scenes);
  nn::Flow batch("pixels", pixels_of(model, scenes));
  batch["objects"] = objects_of(truth);
  set_trained(model, true);
  for (nn::BatchNorm* norm : model.registry().batch_norms) norm->use_batch_statistics(true);
  AdamW optimizer(model, GetParam().rate);
  nn::Context context;
  context.training = true;
  context.generator = at::detail::createCPUGenerator(7);
  for (int step = 0; step < GetParam().steps; ++step) {
    detector->loss(model.forward(batch, context), truth).total.mean().backward();
    optimizer.step();
  }
  for (nn::BatchNorm* norm : model.registry().batch_norms) norm->use_batch_statistics(false);
  const auto [recall, precision] = recall_and_precision(model, *detector, scenes);
  EXPECT_GT(recall, 0.9);
  EXPECT_GT(precision, 0.9);
  at::set_num_threads(threads);
}

const Json kRtDetr = {{"model_type", "rt_detr_v2"},
                      {"decoder_in_channels", {32, 32}},
                      {"num_feature_levels", 2},
                      {"decoder_n_levels", 2},
                      {"encode_proj_layers", {1}},
                      {"backbone_config",
                       {{"model_type", "rt_detr_resnet"},
                        {"embedding_size", 16},
                        {"hidden_sizes", {16, 32}},
                        {"depths", {1, 1}},
                        {"layer_type", "basic"},
                        {"out_features", {"stage1", "stage2"}}}}};

const Json kDFine = {{"model_type", "d_fine"},
                     {"decoder_in_channels", {32, 32}},
                     {"num_feature_levels", 2},
                     {"encode_proj_layers", {1}},
                     {"depth_mult", 0.34},
                     {"backbone_config",
                      {{"model_type", "hgnet_v2"},
                       {"stem_channels", {3, 16, 16}},
                       {"stage_in_channels", {16, 32}},
                       {"stage_mid_channels", {16, 16}},
                       {"stage_out_channels", {32, 32}},
                       {"stage_num_blocks", {1, 1}},
                       {"stage_downsample", {false, true}},
                       {"stage_light_block", {false, true}},
                       {"stage_kernel_size", {3, 3}},
                       {"stage_numb_of_layers", {2, 2}},
                       {"use_learnable_affine_block", true},
                       {"out_features", {"stage1", "stage2"}}}}};

INSTANTIATE_TEST_SUITE_P(Families, RtDetrLearning,
                         testing::Values(Case{"rt_detr_v2", kRtDetr, 2e-3, 150},
                                         Case{"d_fine", kDFine, 2e-3, 220}),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace graft::models::test
