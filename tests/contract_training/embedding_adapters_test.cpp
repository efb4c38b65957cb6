#include <torch/types.h>

#include <algorithm>
#include <set>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"
#include "graft/models/load.h"
#include "graft/train/batches.h"
#include "graft/train/run_model.h"
#include "graft/train/trained_set.h"
#include "tests/contract_training/language.h"
#include "tests/contract_training/stops.h"
#include "tests/contract_training/texts.h"

/// A language model whose embedding is its output matrix, where only one of the two places learns:
/// adapters on embeddings, low-rank heads, modules that are saved whole.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

Json lora(const Json& target, const Json& more = Json::object()) {
  return {{"method", with({{"name", "lora"}, {"r", 4}, {"target", target}}, more)}};
}

const Json kEmbedding = lora({"embed_tokens", "q_proj"});
const Json kHead = {{"strategy", {{"name", "head"}, {"r", 4}}}, {"method", nullptr}};
const Json kSaved = lora({"v_proj"}, {{"modules_to_save", {"embed_tokens"}}});

bool noted(const train::Job& job, const std::string& part) {
  return std::any_of(job.notes.begin(), job.notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

double mean_loss(train::Job& job) {
  const auto [sum, tokens] = plain_loss(job, job.data.test);
  return sum / static_cast<double>(tokens);
}

/// What a run's folder gives, by the logits of each text alone.
double loss_of_folder(const fs::path& run) {
  const test::ScratchDir scratch;
  train::Job again = open(language_config(scratch / "again"));
  again.loaded = train::load_run_model(run);
  EXPECT_FALSE(models::head_is_tied(again.model())) << "merged, the two are no longer the same";
  return mean_loss(again);
}

/// Trains and holds the result to what every run promises; names of base tensors that moved.
std::set<std::string> train_and_reload(const Json& config) {
  train::Job job = open(config);
  const auto before = snapshot(job.model());
  const double begin = mean_loss(job);
  const Json summary = run(job);
  EXPECT_LT(summary["loss"].get<double>(), 0.99 * begin);
  EXPECT_NEAR(mean_loss(job), summary["loss"].get<double>(), 1e-4);
  EXPECT_NEAR(loss_of_folder(config["output"].get<std::string>()), summary["loss"].get<double>(),
              1e-4);
  std::set<std::string> moved;
  for (const auto& p : job.model().registry().parameters) {
    if (!same_bytes(before.at(p.name), p.value->detach())) moved.insert(p.name);
  }
  return moved;
}

std::set<std::string> names_in(const fs::path& run) {
  const auto names = io::SafetensorsReader(run / "adapter/adapter_model.safetensors").names();
  return {names.begin(), names.end()};
}

TEST(EmbeddingAdapters, LeaveTheOutputMatrixAsItIsAndSaySo) {
  const test::ScratchDir scratch;
  const Json config =
      with(language_config(scratch / "run"), with(kEmbedding, {{"budget", {{"epochs", 4}}}}));
  train::Job job = open(config);
  EXPECT_TRUE(models::head_is_tied(job.model()));
  EXPECT_TRUE(noted(job, "output matrix and embedding are one tensor"));
  EXPECT_EQ(train_and_reload(config), std::set<std::string>{});
  EXPECT_TRUE(
      names_in(scratch / "run").contains("base_model.model.model.embed_tokens.lora_embedding_A"));
  EXPECT_FALSE(fs::exists(scratch / "run/delta.safetensors"));
}

TEST(EmbeddingAdapters, ResumeAndGoOn) {
  const test::ScratchDir scratch;
  run(with(language_config(scratch / "whole"), kEmbedding));
  execute_until_stop(with(language_config(scratch / "pieces"), kEmbedding), 2);
  train::resume(scratch / "pieces", {});
  expect_same_outcome(scratch / "whole", scratch / "pieces");

  Json config = with(language_config(scratch / "second"), kEmbedding);
  config["model"] = (scratch / "whole").string();
  const double first = read_json(scratch / "whole/summary.json")["loss"].get<double>();
  EXPECT_LT(run(config)["loss"].get<double>(), first);
  EXPECT_EQ(read_json(scratch / "second/model/config.json")["tie_word_embeddings"], false);
}

TEST(EmbeddingAdapters, OfAnEncoderTrainAndReload) {
  const test::ScratchDir scratch;
  const Json target = {"word_embeddings", "position_embeddings", "value"};
  const Json config = with(text_config(scratch / "run"), lora(target));
  train::Job job = open(config);
  const auto before = snapshot(job.model());
  run(job);
  int moved = 0;
  for (const auto& tensor : train::adapter_tensors(job.model())) {
    if (tensor.name.ends_with("lora_embedding_A"))
      moved += !same_bytes(before.at(tensor.name), tensor.value->detach());
  }
  EXPECT_EQ(moved, 2);
  const auto loaded = train::load_run_model(scratch / "run");
  const at::Tensor ours = text_logits(job.model(), job.data.test);
  EXPECT_LT((ours - text_logits(*loaded.model, job.data.test)).abs().max().item<double>(), 1e-5);
  EXPECT_GT(ours.std().item<double>(), 1e-3) << "something was learned";
}

TEST(LowRankHead, LearnsAnUpdateOfAFrozenMatrix) {
  std::vector<double> losses;
  for (const char* cache : {"none", "memory"}) {
    const test::ScratchDir scratch;
    const Json config = with(language_config(scratch / "run"),
                             with(kHead, {{"cache", cache}, {"budget", {{"epochs", 4}}}}));
    train::Job job = open(config);
    EXPECT_TRUE(models::head_is_tied(job.model()));
    const auto adapters = train::adapter_tensors(job.model());
    ASSERT_EQ(adapters.size(), 2U);
    EXPECT_EQ(adapters[0].name, "lm_head.lora_A.weight");
    EXPECT_EQ(train_and_reload(config), std::set<std::string>{});
    EXPECT_EQ(events(scratch / "run", "stage")[0]["cached"], std::string(cache) == "memory");
    const auto config_json = read_json(scratch / "run/adapter/adapter_config.json");
    EXPECT_EQ(config_json["target_modules"], Json::array({"lm_head"}));
    EXPECT_EQ(config_json["lora_alpha"], 8);
    const Json summary = read_json(scratch / "run/summary.json");
    EXPECT_EQ(summary["parameters"]["trainable"], 4 * (64 + 512));
    losses.push_back(summary["loss"].get<double>());
  }
  EXPECT_NEAR(losses[0], losses[1], 1e-6 * losses[0]);
}

TEST(LowRankHead, ResumesBitForBitAndGoesOn) {
  const test::ScratchDir scratch;
  run(with(language_config(scratch / "whole"), kHead));
  execute_until_stop(with(language_config(scratch / "pieces"), kHead), 2);
  train::resume(scratch / "pieces", {});
  expect_same_outcome(scratch / "whole", scratch / "pieces");
  Json config = with(language_config(scratch / "second"), kHead);
  config["model"] = (scratch / "whole").string();
  EXPECT_LT(run(config)["loss"].get<double>(),
            read_json(scratch / "whole/summary.json")["loss"].get<double>());
  EXPECT_TRUE(fs::exists(scratch / "second/model/model.safetensors"));
}

TEST(LowRankHead, IsAnAdapterAmongOthersWhereItIsNamed) {
  const test::ScratchDir scratch;
  const Json dropped = lora({"lm_head", "q_proj"}, {{"dropout", 0.2}});
  train_and_reload(
      with(language_config(scratch / "run"), with(dropped, {{"budget", {{"epochs", 4}}}})));
}

TEST(LowRankHead, IsRefusedWhereItMeansNothing) {
  const test::ScratchDir scratch;
  EXPECT_GRAFT_ERROR(open(with(config_of("vit", scratch / "run"), kHead)), ErrorCode::usage,
                     "r is the rank of what a language model learns");
  EXPECT_GRAFT_ERROR(
      open(with(language_config(scratch / "run"), with(kHead, {{"method", "bitfit"}}))),
      ErrorCode::usage, "LoRA of lm_head");
  EXPECT_GRAFT_ERROR(
      open(with(language_config(scratch / "run"), with(lora("auto"), {{"strategy", "head"}}))),
      ErrorCode::usage, "strategy={name: head, r: 16}");
}

TEST(IdleStages, AreLeftOutWhereAMethodLearnsNothingInTheHead) {
  const test::ScratchDir scratch;
  train::Job job = open(
      with(language_config(scratch / "run"), with(lora("auto"), {{"strategy", "layer-wise"}})));
  EXPECT_TRUE(noted(job, "stage head is left out"));
  double shares = 0;
  for (const auto& stage : job.stages) {
    EXPECT_LT(stage.blocks.front(), job.model().head());
    shares += stage.share;
  }
  EXPECT_NEAR(shares, 1, 1e-12);
  run(job);
}

TEST(ModulesToSave, LearnWholeBesideAdaptersAsInPeft) {
  const test::ScratchDir scratch;
  const Json config =
      with(language_config(scratch / "run"), with(kSaved, {{"budget", {{"epochs", 4}}}}));
  train::Job job = open(config);
  EXPECT_FALSE(models::head_is_tied(job.model()));
  EXPECT_TRUE(noted(job, "go on as two"));
  EXPECT_EQ(train_and_reload(config), std::set<std::string>{"model.embed_tokens.weight"});
  EXPECT_EQ(read_json(scratch / "run/adapter/adapter_config.json")["modules_to_save"],
            Json::array({"model.embed_tokens"}));
  EXPECT_TRUE(names_in(scratch / "run").contains("base_model.model.model.embed_tokens.weight"));
  EXPECT_FALSE(fs::exists(scratch / "run/delta.safetensors")) << "peft's file holds it all";

  run(with(language_config(scratch / "whole"), kSaved));
  execute_until_stop(with(language_config(scratch / "pieces"), kSaved), 2);
  train::resume(scratch / "pieces", {});
  expect_same_outcome(scratch / "whole", scratch / "pieces");
}

}  // namespace
}  // namespace graft::contract
