#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/io/safetensors.h"
#include "graft/models/text_tower.h"
#include "graft/train/run_model.h"
#include "tests/contract_training/language.h"
#include "tests/contract_training/texts.h"

/// What adapter folders hold beside adapters, as peft writes and reads it.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

io::TensorMap tensors_of(const fs::path& run) {
  return io::SafetensorsReader(run / "adapter/adapter_model.safetensors").all();
}

void change(const fs::path& adapter, const Json& patch) {
  Json config = read_json(adapter / "adapter_config.json");
  config.update(patch);
  write_json(adapter / "adapter_config.json", config);
}

TEST(PeftFiles, EntriesThatNameNoModuleSayNothing) {
  // peft lists the heads of all models for a classifier.
  const test::ScratchDir scratch;
  run(with(config_of("vit", scratch / "run"), {{"method", {{"name", "lora"}, {"r", 2}}}}));
  const fs::path adapter = scratch / "run/adapter";
  const Json saved = read_json(adapter / "adapter_config.json")["modules_to_save"];
  ASSERT_EQ(saved, Json::array({"classifier"}));
  const models::LoadedModel before = train::load_any_model(adapter.string());
  change(adapter, {{"modules_to_save", {"classifier", "score"}}});
  const models::LoadedModel after = train::load_any_model(adapter.string());
  const auto weight = [](const models::LoadedModel& loaded) {
    return loaded.model->classifier().weight();
  };
  EXPECT_TRUE(at::equal(weight(before), weight(after)));
  // One that names a module whose tensors are not there is refused as before.
  change(adapter, {{"modules_to_save", {"classifier", "layernorm"}}});
  EXPECT_GRAFT_ERROR(train::load_any_model(adapter.string()), ErrorCode::unreadable,
                     "modules_to_save asks for");
}

TEST(PeftFiles, AHeadThatNobodyHasIsNoAnswer) {
  const test::ScratchDir scratch;
  run(with(config_of("vit", scratch / "run"), {{"method", {{"name", "lora"}, {"r", 2}}}}));
  const fs::path adapter = scratch / "run/adapter";
  io::TensorMap without;
  for (const auto& [name, tensor] : tensors_of(scratch / "run")) {
    if (name.find("classifier") == std::string::npos) without.add(name, tensor.clone());
  }
  io::write_safetensors(adapter / "adapter_model.safetensors", without);
  change(adapter, {{"modules_to_save", nullptr}});
  // The base has a head of its own, which is read.
  const models::LoadedModel loaded = train::load_any_model(adapter.string());
  EXPECT_FALSE(loaded.head.kept.empty());
}

TEST(PeftFiles, Gpt2HoldsWholeMatricesAsItsFilesDo) {
  const test::ScratchDir scratch;
  Json first = language_config(scratch / "first");
  first["budget"] = {{"steps", 1}};
  first["model"] = {{"config",
                     {{"model_type", "gpt2"},
                      {"n_embd", 16},
                      {"n_head", 2},
                      {"n_layer", 2},
                      {"n_positions", 64},
                      {"vocab_size", 512}}},
                    {"init", "random"},
                    {"tokenizer", (test::source_dir() / "examples/models/stories260K").string()}};
  run(first);
  Json second =
      with(language_config(scratch / "second"), {{"model", (scratch / "first/model").string()},
                                                 {"budget", {{"epochs", nullptr}, {"steps", 2}}}});
  second["method"] = {{"name", "lora"},
                      {"r", 2},
                      {"target", {"c_attn"}},
                      {"modules_to_save", {"attn.c_proj", "mlp.c_fc"}}};
  train::Job job = open(second);
  run(job);
  const fs::path adapter = scratch / "second/adapter";
  const models::LoadedModel loaded = train::load_any_model(adapter.string());
  const auto matrix = [](const models::Model& model, const std::string& name) {
    return *model.registry().find(name)->value;
  };
  size_t matrices = 0;
  for (const auto& [name, tensor] : tensors_of(scratch / "second")) {
    if (name.find("lora_") != std::string::npos || !name.ends_with(".weight")) continue;
    const std::string module = name.substr(std::string("base_model.model.").size());
    EXPECT_TRUE(at::equal(tensor, matrix(job.model(), module).t())) << name;
    EXPECT_TRUE(at::equal(matrix(*loaded.model, module), matrix(job.model(), module))) << name;
    ++matrices;
  }
  EXPECT_EQ(matrices, 4U);
}

/// What peft's files do not say is what the run's own model says.
void expect_same_reading(const fs::path& run_folder) {
  const models::LoadedModel whole = train::load_any_model(run_folder.string());
  const models::LoadedModel alone = train::load_any_model((run_folder / "adapter").string());
  EXPECT_EQ(alone.model->classes(), whole.model->classes());
  EXPECT_EQ(alone.model->problem(), whole.model->problem());
  EXPECT_EQ(alone.model->preprocess(), whole.model->preprocess());
  const auto pooling = [](const models::LoadedModel& loaded) {
    return loaded.model->config().value(models::kPoolingKey, Json());
  };
  EXPECT_EQ(pooling(alone), pooling(whole));
}

TEST(PeftFiles, AnAdapterAloneKnowsItsClassesAndWhatItReads) {
  const test::ScratchDir scratch;
  const Json lora = {{"method", {{"name", "lora"}, {"r", 2}}}};
  run(with(with(config_of("vit", scratch / "pictures"), lora), {{"model", {{"image_size", 48}}}}));
  expect_same_reading(scratch / "pictures");
  for (const Labels labels : {Labels::one, Labels::several, Labels::number}) {
    const fs::path output = scratch / ("texts" + std::to_string(static_cast<int>(labels)));
    const Json model = {{"path", text_base().string()}, {"pooling", "last"}};
    run(with(with(text_config(output, labels), lora), {{"model", model}}));
    expect_same_reading(output);
    // Adapters of others have no such file.
    fs::remove(output / "adapter/graft.json");
    EXPECT_NE(train::load_any_model((output / "adapter").string()).model->classes(),
              train::run_classes(output));
  }
  write_json(scratch / "pictures/adapter/graft.json", {{"problem_type", "guesswork"}});
  EXPECT_GRAFT_ERROR(train::load_any_model((scratch / "pictures/adapter").string()),
                     ErrorCode::unreadable, "graft.json: problem_type must be");
}

TEST(PeftFiles, AHubModelKeepsItsRevision) {
  const test::ScratchDir scratch;
  run(with(config_of("vit", scratch / "run"), {{"method", {{"name", "lora"}, {"r", 2}}}}));
  const fs::path adapter = scratch / "run/adapter";
  change(adapter, {{"base_model_name_or_path", "nobody/nothing"}, {"revision", "v2"}});
  EXPECT_GRAFT_ERROR(train::load_any_model(adapter.string()), ErrorCode::unreadable,
                     "--revision v2");
}

}  // namespace
}  // namespace graft::contract
