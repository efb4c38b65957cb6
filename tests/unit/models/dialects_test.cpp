#include "graft/models/dialects.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <functional>

#include "graft/io/safetensors.h"
#include "tests/support/support.h"
#include "tests/unit/models/golden.h"

/// What is recognised, what is left to others, and what is refused because its names are known but
/// its function is another one.
namespace graft::models::test {
namespace {

Checkpoint timm(const std::string& name) {
  const auto folder = golden_folder() / name;
  return {read_json(folder / "config.json"),
          io::SafetensorsReader(folder / "model.safetensors").all()};
}

io::TensorMap renamed(const io::TensorMap& tensors,
                      const std::function<std::string(const std::string&)>& name) {
  io::TensorMap result;
  for (const auto& [old, tensor] : tensors) result.add(name(old), tensor);
  return result;
}

TEST(Dialects, LeaveEachOtherAlone) {
  const std::map<std::string, bool (*)(Checkpoint&)> all{{"resnet", adopt_resnet},
                                                         {"vit", adopt_vit},
                                                         {"convnext", adopt_convnext},
                                                         {"cifar", adopt_cifar_resnet}};
  for (const auto& [source, adopter] :
       std::map<std::string, std::string>{{"timm_resnet", "resnet"},
                                          {"timm_vit", "vit"},
                                          {"timm_dinov2", "vit"},
                                          {"timm_convnext", "convnext"}}) {
    for (const auto& [name, adopt] : all) {
      Checkpoint checkpoint = timm(source);
      const Checkpoint before = checkpoint;
      EXPECT_EQ(adopt(checkpoint), name == adopter) << source << " by " << name;
      if (name != adopter) {
        EXPECT_EQ(checkpoint.config, before.config);
      }
    }
  }
  Checkpoint nothing;
  for (const auto& [name, adopt] : all) EXPECT_FALSE(adopt(nothing)) << name;
}

TEST(Dialects, WrappersOfTrainingProgramsAreTakenOff) {
  for (const char* prefix : {"module.", "model.module.", "_orig_mod."}) {
    Checkpoint checkpoint = timm("timm_resnet");
    checkpoint.tensors = renamed(checkpoint.tensors, [&](const auto& n) { return prefix + n; });
    ASSERT_TRUE(adopt_resnet(checkpoint)) << prefix;
    EXPECT_TRUE(checkpoint.tensors.contains("resnet.embedder.embedder.convolution.weight"));
  }
}

TEST(Dialects, ResNetVariantsAreRefused) {
  const auto with = [](const std::function<void(Checkpoint&)>& change) {
    Checkpoint checkpoint = timm("timm_resnet");
    change(checkpoint);
    adopt_resnet(checkpoint);
  };
  const auto without_bare_stem = [](const std::string& n) {
    return n == "conv1.weight" ? std::string("conv1.0.weight") : n;
  };
  EXPECT_GRAFT_ERROR(
      with([&](Checkpoint& c) { c.tensors = renamed(c.tensors, without_bare_stem); }),
      ErrorCode::unreadable, "ResNet-C or -D");
  EXPECT_GRAFT_ERROR(
      with([](Checkpoint& c) { c.tensors.set("conv1.weight", at::zeros({64, 3, 3, 3})); }),
      ErrorCode::unreadable, "3 x 3");
  EXPECT_GRAFT_ERROR(
      with([](Checkpoint& c) { c.tensors.add("layer1.0.se.fc1.weight", at::zeros({2})); }),
      ErrorCode::unreadable, "layer1.0.se.fc1.weight");
  EXPECT_GRAFT_ERROR(
      with([](Checkpoint& c) { c.tensors.set("layer1.0.conv2.weight", at::zeros({8, 2, 3, 3})); }),
      ErrorCode::unreadable, "grouped");
  EXPECT_GRAFT_ERROR(
      with([](Checkpoint& c) { c.tensors.add("layer1.0.conv3.weight", at::zeros({16, 8, 1, 1})); }),
      ErrorCode::unreadable, "Wide");
  EXPECT_GRAFT_ERROR(with([](Checkpoint& c) { c.config["architecture"] = "resnetblur50"; }),
                     ErrorCode::unreadable, "resnetblur50");
  EXPECT_GRAFT_ERROR(with([](Checkpoint& c) { c.config["model_args"]["act_layer"] = "silu"; }),
                     ErrorCode::unreadable, "act_layer");
  EXPECT_GRAFT_ERROR(
      with([](Checkpoint& c) { c.tensors.set("layer2.0.conv1.weight", at::zeros({3})); }),
      ErrorCode::unreadable, "4 dimensions");
}

TEST(Dialects, ViTVariantsAreRefused) {
  const auto with = [](const std::function<void(Checkpoint&)>& change) {
    Checkpoint checkpoint = timm("timm_vit");
    change(checkpoint);
    adopt_vit(checkpoint);
  };
  EXPECT_GRAFT_ERROR(with([](Checkpoint& c) { c.config["global_pool"] = "avg"; }),
                     ErrorCode::unreadable, "mean of the patches");
  EXPECT_GRAFT_ERROR(with([](Checkpoint& c) { c.tensors.add("norm_pre.weight", at::zeros({24})); }),
                     ErrorCode::unreadable, "norm_pre.weight");
  EXPECT_GRAFT_ERROR(with([](Checkpoint& c) { c.tensors.add("reg_token", at::zeros({1, 4, 24})); }),
                     ErrorCode::unreadable, "register");
  EXPECT_GRAFT_ERROR(
      with([](Checkpoint& c) { c.tensors.set("pos_embed", at::zeros({1, 12, 24})); }),
      ErrorCode::unreadable, "12 positions");
  EXPECT_GRAFT_ERROR(
      with([](Checkpoint& c) { c.tensors.set("blocks.0.attn.qkv.weight", at::zeros({71, 24})); }),
      ErrorCode::unreadable, "3 equal parts");
  EXPECT_GRAFT_ERROR(with([](Checkpoint& c) { c.tensors.set("head.weight", at::zeros({5, 48})); }),
                     ErrorCode::unreadable, "head");
}

TEST(Dialects, ClassTokenWithoutPositionGetsZeros) {
  Checkpoint checkpoint = timm("timm_vit");
  const at::Tensor positions = checkpoint.tensors.at("pos_embed");
  checkpoint.tensors.set("pos_embed", positions.narrow(1, 1, 16));
  ASSERT_TRUE(adopt_vit(checkpoint));
  const at::Tensor& ours = checkpoint.tensors.at("vit.embeddings.position_embeddings");
  ASSERT_EQ(ours.sizes().vec(), (std::vector<int64_t>{1, 17, 24}));
  EXPECT_EQ(ours.narrow(1, 0, 1).abs().max().item<float>(), 0);
  EXPECT_TRUE(ours.narrow(1, 1, 16).equal(positions.narrow(1, 1, 16)));
}

TEST(Dialects, DINOv2WithRegistersOfTimm) {
  Checkpoint checkpoint = timm("timm_dinov2");
  checkpoint.tensors.set("pos_embed", at::rand({1, 16, 24}));
  checkpoint.tensors.add("reg_token", at::rand({1, 4, 24}));
  ASSERT_TRUE(adopt_vit(checkpoint));
  EXPECT_EQ(checkpoint.config["model_type"], "dinov2_with_registers");
  EXPECT_EQ(checkpoint.config["num_register_tokens"], 4);
  EXPECT_TRUE(checkpoint.tensors.contains("dinov2_with_registers.embeddings.register_tokens"));
}

TEST(Dialects, EndlessNamesAreRefused) {
  Checkpoint checkpoint = timm("timm_vit");
  checkpoint.tensors.add("blocks.0." + std::string(1000000, 'x') + ".weight", at::zeros({1}));
  EXPECT_GRAFT_ERROR(adopt_vit(checkpoint), ErrorCode::unreadable, "characters long");
}

TEST(Dialects, CifarShortcutsWithWeightsAreRefused) {
  Checkpoint checkpoint;
  for (const char* name : {"conv1.weight", "layer1.0.conv1.weight"}) {
    checkpoint.tensors.add(name, at::zeros({16, 3, 3, 3}));
  }
  checkpoint.tensors.add("linear.weight", at::zeros({10, 16}));
  checkpoint.tensors.add("layer2.0.shortcut.0.weight", at::zeros({32, 16, 1, 1}));
  EXPECT_GRAFT_ERROR(adopt_cifar_resnet(checkpoint), ErrorCode::unreadable, "shortcut");
}

TEST(Dialects, ThousandClassesAreNumbered) {
  Checkpoint checkpoint = timm("timm_resnet");
  checkpoint.config = Json();  // a bare .pth
  checkpoint.tensors.set("fc.weight", at::zeros({1000, 24}));
  checkpoint.tensors.set("fc.bias", at::zeros({1000}));
  ASSERT_TRUE(adopt_resnet(checkpoint));
  EXPECT_EQ(checkpoint.config["id2label"].size(), 1000u);
  EXPECT_EQ(checkpoint.config["id2label"]["999"], "LABEL_999");
  EXPECT_EQ(checkpoint.config["preprocessor"]["pretrained_cfg"]["crop_pct"], 0.875);
}

}  // namespace
}  // namespace graft::models::test
