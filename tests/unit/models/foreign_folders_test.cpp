#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <functional>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"
#include "graft/models/text_tower.h"
#include "tests/support/support.h"
#include "tests/unit/models/text_case.h"

/// Folders of other programs that look like models that graft reads, and are not, or not quite.
namespace graft::models::test {
namespace {
namespace fs = std::filesystem;

/// A copy of a checkpoint with some keys of its config changed.
class Folder {
 public:
  explicit Folder(const std::string& name, const Json& patch = Json::object()) {
    fs::copy(text_golden_folder() / name, folder_.path(), fs::copy_options::recursive);
    Json config = read_json(folder_ / "config.json");
    config.update(patch);
    write_json(folder_ / "config.json", config);
  }
  LoadedModel load(Task task) const {
    ModelSource source;
    source.path = folder_.path().string();
    source.task = task;
    return load_model(source);
  }
  fs::path operator/(const char* name) const { return folder_ / name; }
  const fs::path& path() const { return folder_.path(); }
  /// Without some keys of the config.
  Folder& erase(const std::vector<std::string>& keys) {
    Json config = read_json(folder_ / "config.json");
    for (const std::string& key : keys) config.erase(key);
    write_json(folder_ / "config.json", config);
    return *this;
  }
  /// With every tensor as `change` gives it; an empty name leaves it out.
  Folder& change(const std::function<void(std::string& name, at::Tensor& tensor)>& change) {
    io::TensorMap changed;
    for (const auto& [name, tensor] : io::SafetensorsReader(folder_ / "model.safetensors").all()) {
      std::string new_name = name;
      at::Tensor value = tensor.clone();
      change(new_name, value);
      if (!new_name.empty()) changed.add(new_name, value);
    }
    io::write_safetensors(folder_ / "model.safetensors", changed);
    return *this;
  }

 private:
  graft::test::ScratchDir folder_;
};

TEST(ForeignFolders, QuantisedWeightsAreRefused) {
  const Folder named("llama", {{"quantization_config", {{"quant_method", "fp8"}}}});
  EXPECT_GRAFT_ERROR(named.load(Task::next_token), ErrorCode::unreadable, "fp8");
  EXPECT_NO_THROW(Folder("llama", {{"quantization_config", nullptr}}).load(Task::next_token));
  for (const at::ScalarType type : {at::kChar, at::kFloat8_e4m3fn}) {
    const Folder folder("llama");
    io::TensorMap changed;
    for (const auto& [name, tensor] : io::SafetensorsReader(folder / "model.safetensors").all()) {
      const bool one = name == "model.layers.0.self_attn.q_proj.weight";
      changed.add(name, one ? tensor.to(type) : tensor.clone());
    }
    io::write_safetensors(folder / "model.safetensors", changed);
    EXPECT_GRAFT_ERROR(folder.load(Task::next_token), ErrorCode::unreadable, "q_proj.weight");
  }
}

TEST(ForeignFolders, OneOutputIsANumber) {
  // transformers takes it so where nothing else is said.
  const Json one = {{"id2label", {{"0", "LABEL_0"}}}, {"label2id", {{"LABEL_0", 0}}}};
  const Folder folder("bert", one);
  EXPECT_EQ(folder.load(Task::classes).model->problem(), Target::regression);
  Json classes = one;
  classes["problem_type"] = "single_label_classification";
  EXPECT_EQ(Folder("bert", classes).load(Task::classes).model->problem(), Target::single_label);
  EXPECT_EQ(TextCase("bert").model().problem(), Target::single_label);
}

TEST(ForeignFolders, AnAdapterIsNoModel) {
  const Folder folder("bert");
  fs::remove(folder / "config.json");
  write_json(folder / "adapter_config.json", {{"peft_type", "LORA"}});
  EXPECT_GRAFT_ERROR(folder.load(Task::classes), ErrorCode::usage, "adapter of peft");
}

at::Tensor logits_of(const LoadedModel& loaded) {
  const at::NoGradGuard no_grad;
  nn::Flow flow("ids", at::arange(1, 13));
  flow["lengths"] = at::tensor({7, 5}, at::kLong);
  nn::Context context;
  return loaded.model->forward(std::move(flow), context).tensors().front().second;
}

TEST(ForeignFolders, WhatAConfigLeavesOutIsAsTransformersTakesIt) {
  Folder gemma("gemma2");
  const LoadedModel loaded =
      gemma.erase({"attn_logit_softcapping", "final_logit_softcapping"}).load(Task::next_token);
  EXPECT_EQ(loaded.model->config()["attn_logit_softcapping"], 50.0);
  EXPECT_EQ(loaded.model->config()["final_logit_softcapping"], 30.0);
  const Folder said("gemma2",
                    {{"attn_logit_softcapping", 50.0}, {"final_logit_softcapping", 30.0}});
  EXPECT_TRUE(at::equal(logits_of(loaded), logits_of(said.load(Task::next_token))));
  const Folder none("gemma2", {{"final_logit_softcapping", nullptr}});
  EXPECT_FALSE(at::equal(logits_of(loaded), logits_of(none.load(Task::next_token))));
  // Gemma 3: rotations of nearby layers are not stretched, whatever the others' are.
  const auto rotations = [](const Json& patch) {
    Folder folder("gemma3_text", patch);
    return logits_of(folder.erase({"rope_parameters"}).load(Task::next_token));
  };
  const Json stretched = {{"rope_scaling", {{"rope_type", "linear"}, {"factor", 8.0}}}};
  Json spelled = stretched;
  spelled.update(Json{{"rope_theta", 1e6}, {"rope_local_base_freq", 1e4}});
  EXPECT_TRUE(at::equal(rotations(stretched), rotations(spelled)));
  spelled["rope_theta"] = 1e4;
  EXPECT_FALSE(at::equal(rotations(stretched), rotations(spelled)));
  // A config alone has as many heads of keys as it has heads, and says so when it is written.
  ModelSource source;
  source.random = true;
  source.task = Task::next_token;
  source.config = {{"model_type", "mistral"}, {"hidden_size", 32},       {"num_attention_heads", 2},
                   {"num_hidden_layers", 1},  {"intermediate_size", 48}, {"vocab_size", 40}};
  EXPECT_EQ(load_model(source).model->config()["num_key_value_heads"], 2);
}

TEST(ForeignFolders, OfTiedMatricesAFileMayHoldEither) {
  Folder folder("gemma2");
  const at::Tensor usual = logits_of(folder.load(Task::next_token));
  folder.change([](std::string& name, at::Tensor& /*tensor*/) {
    if (name == "model.embed_tokens.weight") name = "lm_head.weight";
  });
  EXPECT_TRUE(at::equal(logits_of(folder.load(Task::next_token)), usual));
}

TEST(ForeignFolders, NormsMayHaveTheirFirstNames) {
  for (const char* family : {"bert", "roberta", "deberta_v3"}) {
    Folder folder(family);
    const at::Tensor usual = logits_of(folder.load(Task::classes));
    folder.change([](std::string& name, at::Tensor& /*tensor*/) {
      for (const auto& [now, then] : {std::pair{"LayerNorm.weight", "LayerNorm.gamma"},
                                      std::pair{"LayerNorm.bias", "LayerNorm.beta"}}) {
        if (const size_t at = name.find(now); at != std::string::npos)
          name.replace(at, std::string(now).size(), then);
      }
    });
    EXPECT_TRUE(at::equal(logits_of(folder.load(Task::classes)), usual)) << family;
  }
}

TEST(ForeignFolders, XlmRobertaStaysWhatItIs) {
  const Folder folder("roberta", {{"model_type", "xlm-roberta"}});
  const graft::test::ScratchDir written;
  save_model(*folder.load(Task::classes).model, written.path());
  const Json config = read_json(written / "config.json");
  EXPECT_EQ(config["model_type"], "xlm-roberta");
  EXPECT_EQ(config["architectures"], Json::array({"XLMRobertaForSequenceClassification"}));
}

TEST(ForeignFolders, ScalesOfGpt2AreThoseOfItsConfig) {
  // A layer's scale is the same as so much smaller queries.
  const auto scaled = [](double by_depth, double by_width) {
    Folder folder("gpt2");
    folder.change([&](std::string& name, at::Tensor& tensor) {
      const size_t at = name.find("h.");
      if (name.find("attn.c_attn.") == std::string::npos) return;
      const double layer = std::stod(name.substr(at + 2));
      const int64_t width = tensor.size(-1) / 3;
      tensor.narrow(-1, 0, width).mul_(by_width / (1 + by_depth * layer));
    });
    return logits_of(folder.load(Task::next_token));
  };
  const Json config = read_json(text_golden_folder() / "gpt2/config.json");
  const double head = config["n_embd"].get<double>() / config["n_head"].get<double>();
  const auto said = [](const Json& patch) {
    return logits_of(Folder("gpt2", patch).load(Task::next_token));
  };
  const at::Tensor by_depth = said({{"scale_attn_by_inverse_layer_idx", true}});
  EXPECT_TRUE(at::allclose(by_depth, scaled(1, 1), 1e-4, 1e-5));
  EXPECT_FALSE(at::allclose(by_depth, scaled(0, 1), 1e-4, 1e-5));
  EXPECT_TRUE(
      at::allclose(said({{"scale_attn_weights", false}}), scaled(0, std::sqrt(head)), 1e-4, 1e-5));
}

TEST(ForeignFolders, WhatReadsInAnotherDirectionIsRefused) {
  EXPECT_GRAFT_ERROR(Folder("bert", {{"is_decoder", true}}).load(Task::classes),
                     ErrorCode::unreadable, "is_decoder");
  const Folder both("gemma3_text", {{"use_bidirectional_attention", true}});
  EXPECT_GRAFT_ERROR(both.load(Task::embedding), ErrorCode::unreadable,
                     "use_bidirectional_attention");
}

TEST(ForeignFolders, DecodersDoNotPoolPadding) {
  const Folder folder("llama_classifier", {{"pad_token_id", 5}});
  EXPECT_EQ(folder.load(Task::classes).model->text_preprocess().unread_end, 5);
  EXPECT_EQ(Folder("llama", {{"pad_token_id", 5}})
                .load(Task::next_token)
                .model->text_preprocess()
                .unread_end,
            std::nullopt);
}

TEST(ForeignFolders, ClassifiersPoolingSaysNothingOfEmbeddings) {
  const Folder folder("modernbert", {{"classifier_pooling", "cls"}});
  EXPECT_EQ(folder.load(Task::embedding).model->config()[kPoolingKey], "mean");
  EXPECT_EQ(folder.load(Task::classes).model->config()[kPoolingKey], "cls");
}

TEST(ForeignFolders, ModernBertKnowsNoLastToken) {
  EXPECT_GRAFT_ERROR(Folder("modernbert", {{"classifier_pooling", "last"}}).load(Task::classes),
                     ErrorCode::usage, "first or mean");
}

}  // namespace
}  // namespace graft::models::test
