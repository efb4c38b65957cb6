#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/support/support.h"
#include "tests/unit/models/golden.h"

/// The same weights in other containers and in other projects' names.
namespace graft::models::test {
namespace {

constexpr double kTolerance = 1e-4;

at::Tensor logits_of(const LoadedModel& loaded, const Golden& golden) {
  const at::NoGradGuard no_grad;
  return logits(*loaded.model, golden.tensors.at("pixels"));
}

void expect_same(const LoadedModel& loaded, const std::string& golden_name) {
  const Golden golden(golden_name);
  EXPECT_TRUE(loaded.unused.empty()) << loaded.unused.front();
  EXPECT_LT(largest_difference(logits_of(loaded, golden), golden.tensors.at("logits")), kTolerance);
}

TEST(Containers, Shards) {
  expect_same(load_golden("vit_sharded"), "vit");
}
TEST(Containers, NamesOfTransformers5) {
  expect_same(load_golden("vit_v5names"), "vit");
}
TEST(Containers, PickledResNet) {
  expect_same(load_golden("resnet_bin"), "resnet_basic");
}
TEST(Containers, HalfPrecisionIsWidened) {
  const LoadedModel loaded = load_golden("vit_bf16");
  const Golden golden("vit");
  for (const auto& p : loaded.model->registry().parameters) {
    EXPECT_EQ(p.value->scalar_type(), at::kFloat) << p.name;
  }
  const at::Tensor& expected = golden.tensors.at("logits");
  const double difference = largest_difference(logits_of(loaded, golden), expected);
  EXPECT_GT(difference, 0);
  EXPECT_LT(difference, 0.05 * expected.abs().max().item<double>());
}

TEST(Containers, BareBackboneGetsItsPrefixAndANewHead) {
  const LoadedModel bare = load_golden("vit_bare");
  const LoadedModel whole = load_golden("vit");
  EXPECT_TRUE(bare.head.kept.empty());
  EXPECT_TRUE(bare.unused.empty());
  EXPECT_EQ(bare.other_heads,
            (std::vector<std::string>{"pooler.dense.bias", "pooler.dense.weight"}));
  size_t compared = 0;
  for (const auto& p : bare.model->registry().parameters) {
    if (p.name.starts_with("classifier")) continue;
    EXPECT_TRUE(p.value->equal(*whole.model->registry().find(p.name)->value)) << p.name;
    ++compared;
  }
  EXPECT_EQ(compared, 2u * 16 + 6);
}

TEST(Dialects, TorchvisionResNetPickle) {
  ModelSource pickle;
  pickle.path = (golden_folder() / "tv_resnet" / "resnet.pth").string();
  const LoadedModel loaded = load_model(pickle);
  expect_same(loaded, "resnet_bottleneck");
  EXPECT_EQ(loaded.model->classes()[4], "LABEL_4");
  EXPECT_EQ(loaded.model->preprocess().shortest_edge, 256);
  EXPECT_EQ(loaded.model->preprocess().crop_width, 224);
  EXPECT_EQ(loaded.model->config()["layer_type"], "bottleneck");
}

TEST(Dialects, TorchvisionViT) {
  // 24 channels are no multiple of 64, so the number of heads cannot be derived.
  EXPECT_GRAFT_ERROR(load_golden("tv_vit"), ErrorCode::unreadable, "num_attention_heads");
  const LoadedModel loaded = load_golden("tv_vit", Json{{"num_attention_heads", 3}});
  expect_same(loaded, "tv_vit");
  EXPECT_EQ(loaded.model->config()["image_size"], 32);
}

class Timm : public testing::TestWithParam<const char*> {};

TEST_P(Timm, GivesItsLogits) {
  const LoadedModel loaded = load_golden(GetParam());
  expect_same(loaded, GetParam());
  EXPECT_EQ(loaded.model->classes()[3], "sunflower");
  EXPECT_FALSE(loaded.model->config().contains("preprocessor"));
  EXPECT_NEAR(loaded.model->preprocess().mean[0],
              GetParam() == std::string("timm_vit") ? 0.5 : 0.485, 1e-12);
}

TEST_P(Timm, SavedInHuggingFaceLayoutItIsTheSame) {
  const graft::test::ScratchDir scratch;
  const LoadedModel loaded = load_golden(GetParam());
  save_model(*loaded.model, scratch.path());
  ModelSource again;
  again.path = scratch.path().string();
  const LoadedModel second = load_model(again);
  const Golden golden(GetParam());
  EXPECT_TRUE(logits_of(second, golden).equal(logits_of(loaded, golden)));
  EXPECT_EQ(second.model->preprocess(), loaded.model->preprocess());
}

INSTANTIATE_TEST_SUITE_P(All, Timm,
                         testing::Values("timm_vit", "timm_resnet", "timm_deit_distilled",
                                         "timm_dinov2", "timm_convnext"));

}  // namespace
}  // namespace graft::models::test
