#include <torch/types.h>

#include <cmath>
#include <fstream>
#include <set>

#include "graft/base/error.h"
#include "graft/models/load.h"
#include "graft/train/batches.h"
#include "graft/train/fill_mask.h"
#include "graft/train/run_model.h"
#include "tests/contract_training/language.h"
#include "tests/contract_training/stops.h"
#include "tests/contract_training/texts.h"

/// What training promises of classes it promises of masked tokens.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

constexpr const char* kTask = "masked-language-modeling";
const Json kLora = {{"method", {{"name", "lora"}, {"r", 2}, {"target", "all"}}}};

const std::vector<std::string> kSentences = {
    "the bird sings on the old tree .",   "a small stone falls and rests !",
    "green and blue flows the river ?",   "is the red bird with the green stone ?",
    "old river , small tree and a stone", "blue bird of the small old stone ."};

/// A folder with the sentences to train on and, the same, to measure.
const fs::path& sentences() {
  static const test::ScratchDir scratch;
  static const fs::path folder = [] {
    for (const char* split : {"train", "validation", "test"}) {
      std::ofstream file(scratch / (std::string(split) + ".jsonl"));
      for (int i = 0; i < 3; ++i) {
        for (const auto& sentence : kSentences) file << Json{{"text", sentence}}.dump() << "\n";
      }
    }
    return scratch.path();
  }();
  return folder;
}

/// As text_base(), with a head for masked tokens.
const fs::path& masked_base() {
  static const test::ScratchDir scratch;
  static const fs::path folder = [] {
    models::ModelSource source;
    source.config = tiny_bert();
    source.random = true;
    source.seed = 4;
    source.task = models::Task::masked_token;
    source.tokenizer = word_piece().string();
    models::save_model(*models::load_model(source).model, scratch / "base");
    return scratch / "base";
  }();
  return folder;
}

Json masked_config(const fs::path& output) {
  Json config = text_config(output);
  config["task"] = kTask;
  config["model"] = masked_base().string();
  config["data"] = sentences().string();
  config["metric"] = "perplexity";
  config["train"]["head_lr"] = 0.003;
  return config;
}

std::string error_of(const Json& config) {
  try {
    open(config);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

bool has_note(const train::Job& job, const std::string& part) {
  return std::ranges::any_of(
      job.notes, [&](const auto& note) { return note.find(part) != std::string::npos; });
}

TEST(MaskedLoss, IsThatOfTheLogitsOverMaskedTokensOnly) {
  const test::ScratchDir scratch;
  train::Job job = open(masked_config(scratch / "run"));
  const auto [sum, tokens] = plain_loss(job, job.data.validation);
  train::Reader reader(job, [](const std::string&) {});
  const auto p = reader.evaluate(job.data.validation, train::Deadline(std::nullopt));
  ASSERT_EQ(p.size(), 18);
  double ours = 0;
  int64_t counted = 0;
  for (size_t i = 0; i < 18; ++i) {
    ours += static_cast<double>(p.losses[i]) * static_cast<double>(p.tokens[i]);
    counted += p.tokens[i];
    EXPECT_GE(p.tokens[i], 1);
    EXPECT_LE(p.hits[i], p.tokens[i]);
  }
  EXPECT_EQ(counted, tokens);
  EXPECT_NEAR(ours, sum, 1e-4 * sum);
}

TEST(MaskedTraining, LearnsAFewSentencesByHeart) {
  const test::ScratchDir scratch;
  Json config = with(masked_config(scratch / "run"), {{"budget", {{"epochs", 150}}}});
  config["train"]["eval_every"] = 150;
  config["model"] = {
      {"path", masked_base().string()},
      {"config", {{"hidden_dropout_prob", 0.0}, {"attention_probs_dropout_prob", 0.0}}}};
  train::Job job = open(config);
  const Json summary = run(job);
  EXPECT_GT(summary["metrics"]["token_accuracy"]["value"].get<double>(), 0.9);
  EXPECT_LT(summary["metrics"]["perplexity"]["value"].get<double>(), 1.6);
  EXPECT_EQ(summary["problem_type"], "masked_token");
  EXPECT_EQ(summary["task"], kTask);
  // And says what is missing.
  const auto loaded = train::load_run_model(scratch / "run");
  const auto filled = train::fill_masks(
      *loaded.model,
      {{"the [MASK] sings on the old tree ."}, {"a small [MASK] falls and [MASK] !"}}, 5);
  ASSERT_EQ(filled.size(), 2u);
  ASSERT_EQ(filled[0].places.size(), 1u);
  ASSERT_EQ(filled[1].places.size(), 2u);
  EXPECT_EQ(filled[0].places[0].size(), 5u);
  EXPECT_EQ(filled[0].places[0][0].word, "bird");
  EXPECT_GT(filled[0].places[0][0].probability, 0.5F);
  EXPECT_GE(filled[0].places[0][0].probability, filled[0].places[0][1].probability);
  EXPECT_EQ(filled[1].text, "a small stone falls and rests!");
  EXPECT_GRAFT_ERROR(train::fill_masks(*loaded.model, {{"the bird sings"}}, 5), ErrorCode::usage,
                     "has no [MASK]");
}

TEST(MaskedTraining, EveryKindOfResultIsTheModelAtTheEndOfItsRun) {
  const std::vector<std::pair<Json, std::string>> cases = {
      {{{"strategy", "full"}}, "model/model.safetensors"},
      {kLora, "adapter/adapter_model.safetensors"},
      {{{"method", "bitfit"}}, "delta.safetensors"},
      {{{"strategy", "head"}}, "model/model.safetensors"},
      {{{"strategy", "layer-wise"}}, "model/model.safetensors"}};
  for (const auto& [patch, file] : cases) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    Json config = with(masked_config(scratch / "run"), patch);
    config["budget"] = {{"epochs", 12}};
    train::Job before = open(config);
    const auto [sum, tokens] = plain_loss(before, before.data.test);
    const Json summary = run(config);
    EXPECT_LT(summary["loss"].get<double>(), 0.97 * sum / static_cast<double>(tokens));
    EXPECT_TRUE(fs::exists(scratch / "run" / file));
    train::Job again = open(masked_config(scratch / "again"));
    again.loaded = train::load_run_model(scratch / "run");
    EXPECT_EQ(again.model().task(), models::Task::masked_token);
    const auto [sum_after, tokens_after] = plain_loss(again, again.data.test);
    EXPECT_NEAR(sum_after / static_cast<double>(tokens_after), summary["loss"].get<double>(), 1e-4);
    if (file.starts_with("model/")) {
      EXPECT_EQ(read_json(scratch / "run/model/config.json")["architectures"],
                Json::array({"BertForMaskedLM"}));
    }
  }
}

/// The small head learns with every method, beside the adapter; the matrix is the embedding's.
TEST(MaskedFrozen, AdaptersLeaveTheBackboneAsItIs) {
  const test::ScratchDir scratch;
  train::Job job = open(with(masked_config(scratch / "run"), kLora));
  const auto before = snapshot(job.model());
  run(job);
  std::set<std::string> moved;
  for (const auto& p : job.model().registry().parameters) {
    if (!same_bytes(before.at(p.name), p.value->detach())) moved.insert(p.name);
  }
  EXPECT_EQ(moved,
            (std::set<std::string>{
                "cls.predictions.bias", "cls.predictions.transform.LayerNorm.bias",
                "cls.predictions.transform.LayerNorm.weight",
                "cls.predictions.transform.dense.bias", "cls.predictions.transform.dense.weight"}));
  const Json adapter = read_json(scratch / "run/adapter/adapter_config.json");
  EXPECT_EQ(adapter["auto_mapping"]["base_model_class"], "BertForMaskedLM");
  EXPECT_TRUE(fs::exists(scratch / "run/delta.safetensors")) << "peft has no form for the head";
}

TEST(MaskedHead, LearnsWithoutTheEmbedding) {
  std::vector<std::map<std::string, at::Tensor>> results;
  for (const char* cache : {"none", "memory"}) {
    const test::ScratchDir scratch;
    Json config = with(masked_config(scratch / "run"), {{"strategy", "head"}, {"cache", cache}});
    config["train"]["views"] = 2;
    train::Job job = open(config);
    const auto before = snapshot(job.model());
    run(job);
    EXPECT_EQ(events(scratch / "run", "stage")[0]["cached"], std::string(cache) == "memory");
    for (const auto& p : job.model().registry().parameters) {
      EXPECT_EQ(same_bytes(before.at(p.name), p.value->detach()), !p.name.starts_with("cls."))
          << p.name;
    }
    results.push_back(snapshot(job.model()));
  }
  for (const auto& [name, tensor] : results[0])
    EXPECT_LT((tensor - results[1].at(name)).abs().max().item<double>(), 1e-5) << name;
}

TEST(MaskedResume, EqualsTheUninterruptedRunBitForBit) {
  for (const Json& patch : {Json{{"strategy", "full"}}, Json{{"strategy", "layer-wise"}}, kLora}) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    run(with(masked_config(scratch / "whole"), patch));
    execute_until_stop(with(masked_config(scratch / "pieces"), patch), 2);
    train::resume(scratch / "pieces", {});
    expect_same_outcome(scratch / "whole", scratch / "pieces");
  }
}

TEST(MaskedBatches, AreTheSameForAnyNumberOfWorkersAndNewInEveryEpoch) {
  const test::ScratchDir scratch;
  for (const int workers : {1, 8}) {
    run(with(masked_config(scratch / std::to_string(workers)),
             {{"train", {{"workers", workers}}}}));
  }
  EXPECT_EQ(step_losses(scratch / "1"), step_losses(scratch / "8"));
  run(with(masked_config(scratch / "few"), {{"train", {{"mask_share", 0.5}}}}));
  EXPECT_NE(step_losses(scratch / "1"), step_losses(scratch / "few"));
  EXPECT_GT(read_json(scratch / "few/summary.json")["work"]["learned_tokens"].get<int64_t>(),
            2 * read_json(scratch / "1/summary.json")["work"]["learned_tokens"].get<int64_t>());
  // The same weights, other masks.
  Json still = with(masked_config(scratch / "still"), {{"train", {{"lr", 0.0}, {"head_lr", 0.0}}}});
  still["train"]["batch"] = 18;
  run(still);
  const auto losses = step_losses(scratch / "still");
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_NE(losses[0], losses[1]);
}

TEST(MaskedTask, PlainTextIsMaskedWhereTheModelDoesNotContinueIt) {
  const test::ScratchDir scratch;
  Json config = masked_config(scratch / "run");
  config["task"] = "auto";
  train::Job job = open(config);
  EXPECT_EQ(job.data.target, Target::masked_token);
  EXPECT_TRUE(has_note(job, "does not continue texts"));
  EXPECT_TRUE(has_note(job, "head: for masked tokens, kept from the checkpoint"));
  // A model that does continue it.
  config["model"] = (test::source_dir() / "examples/models/stories260K").string();
  EXPECT_EQ(open(config).data.target, Target::next_token);
  // Where it is asked for, labels are forgotten.
  config = with(masked_config(scratch / "labelled"), {{"data", texts().string()}});
  EXPECT_EQ(open(config).data.target, Target::masked_token);
}

TEST(MaskedTask, StartsFromNothing) {
  const test::ScratchDir scratch;
  Json config = masked_config(scratch / "run");
  config["model"] = {
      {"config", tiny_bert()}, {"init", "random"}, {"tokenizer", word_piece().string()}};
  config["budget"] = {{"epochs", 4}};
  train::Job job = open(config);
  EXPECT_TRUE(has_note(job, "head: for masked tokens, new layers"));
  const auto [sum, tokens] = plain_loss(job, job.data.test);
  EXPECT_LT(run(job)["loss"].get<double>(), 0.97 * sum / static_cast<double>(tokens));
  EXPECT_TRUE(fs::exists(scratch / "run/model/config.json"));
}

/// Pretrain on many texts, then learn classes from the few that have one.
TEST(MaskedTask, ARunIsABeginningForClasses) {
  for (const Json& patch : {Json{{"strategy", "full"}}, kLora}) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    run(with(masked_config(scratch / "first"), patch));
    const auto pretrained = train::load_run_model(scratch / "first");
    Json config = text_config(scratch / "second");
    config["model"] = (scratch / "first").string();
    train::Job job = open(config);
    EXPECT_EQ(job.model().task(), models::Task::classes);
    EXPECT_TRUE(has_note(job, "goes on from the run"));
    EXPECT_EQ(job.loaded.head.added, (std::vector<std::string>{"bird", "river", "tree"}));
    for (const auto& p : job.model().registry().parameters) {
      if (job.model().block_span(p.block) == models::Span::head) continue;
      EXPECT_TRUE(same_bytes(*pretrained.model->registry().find(p.name)->value, *p.value))
          << p.name;
    }
    run(job);
    const auto loaded = train::load_run_model(scratch / "second");
    EXPECT_LT((text_logits(*loaded.model, job.data.test) - text_logits(job.model(), job.data.test))
                  .abs()
                  .max()
                  .item<double>(),
              1e-5);
    // And the run goes on with masked tokens as well.
    train::Job further = open(with(masked_config(scratch / "third"),
                                   {{"model", (scratch / "first").string()}, {"task", "auto"}}));
    EXPECT_EQ(further.model().task(), models::Task::masked_token);
  }
}

TEST(MaskedTask, SettingsThatMeanNothingAreErrors) {
  const test::ScratchDir scratch;
  const Json config = masked_config(scratch / "run");
  EXPECT_NE(error_of(with(config, {{"train", {{"label_smoothing", 0.1}}}}))
                .find("train.label_smoothing is for classes"),
            std::string::npos);
  EXPECT_NE(error_of(with(config, {{"train", {{"loss", "focal"}}}})).find("masked tokens"),
            std::string::npos);
  EXPECT_NE(error_of(with(config, {{"metric", "accuracy"}})).find("perplexity"), std::string::npos);
  EXPECT_NE(error_of(with(config, {{"chat", {{"template", "chatml"}}}})).find("chat.template"),
            std::string::npos);
  EXPECT_NE(error_of(with(text_config(scratch / "run"), {{"train", {{"mask_share", 0.3}}}}))
                .find("train.mask_share is for task=masked-language-modeling"),
            std::string::npos);
  Json llama = config;
  llama["model"] = (test::source_dir() / "examples/models/stories260K").string();
  EXPECT_NE(error_of(llama).find("does not tell what masked tokens were"), std::string::npos);
  EXPECT_NE(error_of(with(config, {{"strategy", {{"name", "head"}, {"solver", "ridge"}}}}))
                .find("solver"),
            std::string::npos);
}

}  // namespace
}  // namespace graft::contract
