#include <torch/nn/functional/loss.h>
#include <torch/optim/adamw.h>

#include <regex>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/nn/norm.h"
#include "graft/peft/attach.h"
#include "graft/peft/hf_format.h"
#include "tests/unit/peft/golden.h"

namespace graft {
namespace {

using test::gap;
using test::golden_dir;
using test::golden_tensors;
using test::logits_of;

std::string base_of(const std::string& name) {
  std::string base = test::read_text(golden_dir() / "peft" / name / "base.txt");
  base.erase(base.find_last_not_of("\n ") + 1);
  return base;
}

/// A golden model with the adapter of a golden folder on it.
struct Adapted {
  explicit Adapted(const std::string& name)
      : model(test::golden_model(base_of(name))),
        file(peft::load_adapter(golden_dir() / "peft" / name)),
        attached(peft::attach_adapter(model->registry(), file)),
        expected(golden_tensors("peft/" + name)),
        inputs(golden_tensors("models/" + base_of(name))) {}
  at::Tensor pixels() const { return inputs.at("pixels"); }

  std::unique_ptr<models::Model> model;
  peft::LoadedAdapter file;
  peft::AttachedAdapter attached;
  io::TensorMap expected, inputs;
};

class PeftGolden : public testing::TestWithParam<std::string> {};

TEST_P(PeftGolden, LogitsAreThoseOfPeft) {
  const at::NoGradGuard no_grad;
  Adapted run(GetParam());
  const at::Tensor adapted = logits_of(*run.model, run.pixels());
  EXPECT_LE(gap(adapted, run.expected.at("logits")), 1e-4);
  EXPECT_GT(gap(adapted, run.expected.at("logits_base")), 0.1);

  peft::merge_all(run.model->registry());
  const at::Tensor merged = logits_of(*run.model, run.pixels());
  EXPECT_LE(gap(merged, run.expected.at("logits_merged")), 1e-4);
  EXPECT_LE(gap(merged, adapted), 1e-5);
  int weights = 0;
  for (const auto& [name, value] : run.expected) {
    if (!name.starts_with("merged.")) continue;
    EXPECT_LE(gap(*run.model->registry().find(name.substr(7))->value, value), 1e-6) << name;
    ++weights;
  }
  EXPECT_GE(weights, 4);
}

TEST_P(PeftGolden, TenStepsOfAdamWLoseWhatPeftLoses) {
  Adapted run(GetParam());
  std::vector<at::Tensor> trained;
  const auto train = [&trained](at::Tensor& tensor) {
    tensor.set_requires_grad(true);
    trained.push_back(tensor);
  };
  for (nn::Seam* seam : run.model->registry().seams) {
    for (const auto& adapter : seam->adapters()) {
      for (const auto& tensor : adapter->parameters()) train(*tensor.value);
    }
  }
  for (const auto& name : run.attached.head) train(*run.model->registry().find(name)->value);
  for (nn::BatchNorm* norm : run.model->registry().batch_norms) norm->use_batch_statistics(true);

  torch::optim::AdamW optimizer(trained, torch::optim::AdamWOptions(1e-3).weight_decay(0));
  const at::Tensor losses = run.expected.at("train_loss");
  const at::Tensor tolerance = run.expected.at("tolerance.train_loss");
  for (int64_t step = 0; step < losses.size(0); ++step) {
    optimizer.zero_grad();
    const at::Tensor loss = torch::nn::functional::cross_entropy(
        logits_of(*run.model, run.pixels(), true), run.inputs.at("labels"));
    loss.backward();
    optimizer.step();
    EXPECT_NEAR(loss.item<double>(), losses[step].item<double>(), tolerance[step].item<double>())
        << "step " << step;
  }
}

TEST_P(PeftGolden, SavedAgainItIsTheSameFile) {
  const Adapted run(GetParam());
  const test::ScratchDir scratch;
  peft::SaveInfo info;
  info.base_model = base_of(GetParam());
  info.auto_mapping = run.file.config["auto_mapping"];
  // A module of the head is named whole; what lies below it keeps its name.
  std::map<std::string, io::TensorMap> modules;
  for (const auto& name : run.attached.head) {
    const size_t dot = name.rfind('.');
    modules[name.substr(0, dot)].add(name.substr(dot + 1),
                                     *run.model->registry().find(name)->value);
  }
  for (const auto& [path, tensors] : modules) info.modules.push_back({path, tensors});
  const auto saved =
      peft::save_adapter(scratch / "out", run.model->registry(), run.attached.choice, info);
  EXPECT_TRUE(saved.left.empty());

  const io::TensorMap theirs =
      io::SafetensorsReader(golden_dir() / "peft" / GetParam() / "adapter_model.safetensors").all();
  const io::SafetensorsReader ours(scratch / "out" / "adapter_model.safetensors");
  EXPECT_EQ(ours.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  EXPECT_EQ(ours.names().size(), theirs.size());
  for (const auto& [name, tensor] : theirs) {
    ASSERT_TRUE(ours.contains(name)) << name;
    EXPECT_TRUE(at::equal(ours.tensor(name), tensor)) << name;
  }

  // Every field that peft writes stands there, and those that say how the numbers are used are the
  // same.
  const Json config = read_json(scratch / "out" / "adapter_config.json");
  const Json& golden = run.file.config;
  for (const auto& [key, value] : golden.items()) EXPECT_TRUE(config.contains(key)) << key;
  for (const auto& [key, value] : config.items()) EXPECT_TRUE(golden.contains(key)) << key;
  for (const char* key :
       {"alora_invocation_tokens", "auto_mapping", "base_model_name_or_path", "bias",
        "fan_in_fan_out", "inference_mode", "lora_alpha", "lora_bias", "lora_dropout",
        "loftq_config", "megatron_core", "peft_type", "peft_version", "qalora_group_size", "r",
        "revision", "task_type", "use_dora", "use_rslora"}) {
    EXPECT_EQ(config[key], golden[key]) << key;
  }

  // And it means the same to us.
  auto again = test::golden_model(base_of(GetParam()));
  peft::attach_adapter(again->registry(), peft::load_adapter(scratch / "out"));
  const at::NoGradGuard no_grad;
  EXPECT_EQ(gap(logits_of(*again, run.pixels()), logits_of(*run.model, run.pixels())), 0);
}

INSTANTIATE_TEST_SUITE_P(Adapters, PeftGolden,
                         testing::Values("vit", "vit_patterns", "vit_layers", "resnet",
                                         "resnet_basic", "convnext"),
                         [](const auto& tested) { return tested.param; });

TEST(PeftPatterns, RanksAndAlphasFollowTheirExpressions) {
  const Adapted run("vit_patterns");
  const test::ScratchDir scratch;
  peft::save_adapter(scratch / "out", run.model->registry(), run.attached.choice, {});
  const Json config = read_json(scratch / "out" / "adapter_config.json");
  const std::string layer = "vit.layers.";
  EXPECT_EQ(config["rank_pattern"], (Json{{layer + "0.attention.q_proj", 3},
                                          {layer + "0.mlp.fc1", 2},
                                          {layer + "1.attention.q_proj", 3}}));
  EXPECT_EQ(config["alpha_pattern"], (Json{{layer + "0.attention.q_proj", 5},
                                           {layer + "1.attention.q_proj", 5},
                                           {layer + "1.attention.k_proj", 1}}));
  EXPECT_EQ(config["target_modules"].size(), 10u);
  EXPECT_EQ(config["target_modules"][0], "classifier");
  EXPECT_TRUE(config["modules_to_save"].is_null());
}

/// Names of transformers 4, which peft wrote until transformers 5 came.
TEST(PeftOldNames, AFileOfTransformers4LoadsAndIsWritten) {
  const at::NoGradGuard no_grad;
  Adapted run("vit");
  const models::Family& family = models::find_family("vit");
  const test::ScratchDir scratch;
  peft::SaveInfo info;
  info.rename = [&family](const std::string& path) { return models::hub_name(family, path); };
  const auto& classifier = run.model->classifier();
  info.modules = {{"classifier",
                   {{"weight", *run.model->registry().find("classifier.weight")->value},
                    {"bias", *run.model->registry().find("classifier.bias")->value}}}};
  EXPECT_EQ(classifier.site().path, "classifier");
  peft::save_adapter(scratch / "old", run.model->registry(), run.attached.choice, info);
  const auto file = peft::load_adapter(scratch / "old");
  EXPECT_TRUE(file.tensors.contains("vit.encoder.layer.1.attention.attention.query.lora_A.weight"));
  EXPECT_EQ(file.config["target_modules"][0], "vit.encoder.layer.0.attention.attention.query");

  auto again = test::golden_model("vit");
  EXPECT_GRAFT_ERROR(peft::attach_adapter(again->registry(), file), ErrorCode::unreadable,
                     "belongs to no layer");
  const auto read = [&family](std::string path) {
    for (const auto& rule : family.read) {
      path = std::regex_replace(path, std::regex(rule.pattern), rule.replacement,
                                std::regex_constants::format_first_only);
    }
    return path;
  };
  peft::attach_adapter(again->registry(), file, read);
  EXPECT_LE(gap(logits_of(*again, run.pixels()), run.expected.at("logits")), 1e-4);

  // As people wrote it then: the last parts of the names.
  auto by_ending = file;
  by_ending.config["target_modules"] = {"query", "value"};
  auto third = test::golden_model("vit");
  peft::attach_adapter(third->registry(), by_ending, read);
  EXPECT_EQ(gap(logits_of(*third, run.pixels()), logits_of(*again, run.pixels())), 0);
}

TEST(PeftRefusals, FeaturesThatGraftLacksAreNamed) {
  const auto attach = [](const std::string& name) {
    auto model = test::golden_model(base_of(name));
    const at::NoGradGuard no_grad;
    const at::Tensor pixels = golden_tensors("models/" + base_of(name)).at("pixels");
    const at::Tensor before = logits_of(*model, pixels);
    const auto file = peft::load_adapter(golden_dir() / "peft" / name);
    try {
      peft::attach_adapter(model->registry(), file);
    } catch (const Error&) {
      EXPECT_EQ(gap(logits_of(*model, pixels), before), 0) << "a refused adapter changed the model";
      throw;
    }
  };
  EXPECT_GRAFT_ERROR(attach("vit_dora"), ErrorCode::unreadable, "use_dora");
  EXPECT_GRAFT_ERROR(attach("vit_rslora"), ErrorCode::unreadable, "lora_bias");
  EXPECT_GRAFT_ERROR(attach("convnext_depthwise"), ErrorCode::unreadable,
                     "mixes channels of all groups");
}

}  // namespace
}  // namespace graft
