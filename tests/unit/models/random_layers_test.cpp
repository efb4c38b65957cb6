#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/unit/models/golden.h"

/// Dropout and drop path of the configs: they act in training, in blocks that train, from the run's
/// own generator, and nowhere else.
namespace graft::models::test {
namespace {

struct Case {
  const char* model;
  const char* rate;
};

class RandomLayers : public testing::TestWithParam<Case> {};

TEST_P(RandomLayers, ActOnlyWhereTheyMay) {
  const Golden golden(GetParam().model);
  const LoadedModel loaded = load_golden(GetParam().model, Json{{GetParam().rate, 0.5}});
  Model& model = *loaded.model;
  const at::Tensor& pixels = golden.tensors.at("pixels");
  const at::NoGradGuard no_grad;
  EXPECT_LT(largest_difference(logits(model, pixels), golden.tensors.at("logits")), 1e-4);
  const auto run = [&](uint64_t seed, std::vector<bool> trained) {
    nn::Context context;
    context.training = true;
    context.generator = at::detail::createCPUGenerator(seed);
    context.trained = std::move(trained);
    return model.forward(nn::Flow("pixels", pixels), context).at("logits");
  };
  EXPECT_TRUE(run(1, {}).equal(run(1, {})));
  EXPECT_FALSE(run(1, {}).equal(run(2, {})));
  EXPECT_GT(largest_difference(run(1, {}), golden.tensors.at("logits")), 1e-3);
  const std::vector<bool> none(static_cast<size_t>(model.size()), false);
  EXPECT_LT(largest_difference(run(1, none), golden.tensors.at("logits")), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(All, RandomLayers,
                         testing::Values(Case{"vit", "hidden_dropout_prob"},
                                         Case{"vit", "attention_probs_dropout_prob"},
                                         Case{"deit_teacher", "hidden_dropout_prob"},
                                         Case{"dinov2", "hidden_dropout_prob"},
                                         Case{"dinov2", "drop_path_rate"},
                                         Case{"convnext", "drop_path_rate"},
                                         Case{"mobilenet_v2_tf", "classifier_dropout_prob"}));

}  // namespace
}  // namespace graft::models::test
