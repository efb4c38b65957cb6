#include <torch/types.h>

#include <algorithm>
#include <fstream>

#include "graft/base/error.h"
#include "graft/models/load.h"
#include "graft/peft/attach.h"
#include "graft/train/predictor.h"
#include "graft/train/run_model.h"
#include "tests/contract_training/stops.h"
#include "tests/contract_training/texts.h"

/// What training promises of pictures it promises of texts.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

double gap(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

const Json kLora = {{"method", {{"name", "lora"}, {"r", 2}, {"target", "all"}}}};

// 36 texts in batches of 8: 5 updates an epoch.
TEST(TextResume, EveryStrategyEqualsTheUninterruptedRunBitForBit) {
  for (const auto& strategy : strategies::strategies()) {
    SCOPED_TRACE(strategy.name);
    const test::ScratchDir scratch;
    const Json patch = {{"strategy", strategy.name}};
    run(with(text_config(scratch / "whole"), patch));
    execute_until_stop(with(text_config(scratch / "pieces"), patch), 2);
    for (const int64_t stop : {5, 8}) resume_until_stop(scratch / "pieces", stop);
    train::resume(scratch / "pieces", {});
    expect_same_outcome(scratch / "whole", scratch / "pieces");
  }
}

TEST(TextResume, AdaptersSeveralLabelsAndNumbersToo) {
  const std::vector<std::pair<Labels, Json>> cases = {
      {Labels::one, kLora},
      {Labels::several, kLora},
      {Labels::several, Json::object()},
      {Labels::number, Json::object()},
      {Labels::number, {{"strategy", {{"name", "lp-ft"}, {"solver", "ridge"}}}}},
      {Labels::one, {{"strategy", "head"}, {"cache", "memory"}}}};
  for (const auto& [labels, patch] : cases) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    run(with(text_config(scratch / "whole", labels), patch));
    execute_until_stop(with(text_config(scratch / "pieces", labels), patch), 3);
    train::resume(scratch / "pieces", {});
    expect_same_outcome(scratch / "whole", scratch / "pieces");
  }
}

TEST(TextCache, CachedEqualsUncached) {
  for (const Json& strategy : {Json("head"), Json{{"name", "top-k"}, {"k", 1}}}) {
    SCOPED_TRACE(strategy.dump());
    const test::ScratchDir scratch;
    std::vector<at::Tensor> logits;
    for (const char* cache : {"none", "memory"}) {
      // Dropout of a trained block draws as many numbers either way; of the head's none is drawn.
      train::Job job =
          open(with(text_config(scratch / cache), {{"strategy", strategy}, {"cache", cache}}));
      run(job);
      EXPECT_EQ(events(scratch / cache, "stage")[0]["cached"], std::string(cache) == "memory");
      logits.push_back(text_logits(job.model(), job.data.test));
    }
    EXPECT_LE(gap(logits[0], logits[1]), 1e-6);
    EXPECT_GT(logits[0].std().item<double>(), 1e-3) << "something was learned";
  }
}

TEST(TextBatches, AreTheSameForAnyNumberOfWorkers) {
  const test::ScratchDir scratch;
  for (const int workers : {1, 8}) {
    run(with(text_config(scratch / std::to_string(workers)), {{"train", {{"workers", workers}}}}));
  }
  EXPECT_TRUE(same_weights(scratch / "1", scratch / "8"));
  EXPECT_EQ(step_losses(scratch / "1"), step_losses(scratch / "8"));
}

TEST(TextAugmentation, ResumesBitForBitForAnyNumberOfWorkersAndLearns) {
  const Json augment = {
      {"augment", {{{"random_deletion", {{"p", 0.2}}}}, {{"token_masking", {{"p", 0.2}}}}}}};
  const test::ScratchDir scratch;
  const Json config = with(text_config(scratch / "whole"), augment);
  run(config);
  execute_until_stop(with(text_config(scratch / "pieces"), augment), 3);
  train::resume(scratch / "pieces", {});
  expect_same_outcome(scratch / "whole", scratch / "pieces");

  run(with(with(text_config(scratch / "eight"), augment), {{"train", {{"workers", 8}}}}));
  EXPECT_EQ(step_losses(scratch / "whole"), step_losses(scratch / "eight"));
  run(text_config(scratch / "plain"));
  EXPECT_NE(step_losses(scratch / "whole"), step_losses(scratch / "plain"));

  // Fixed views fit a cache of the frozen prefix.
  run(with(with(text_config(scratch / "views"), augment),
           {{"strategy", "head"}, {"cache", "memory"}, {"train", {{"views", 2}}}}));
  EXPECT_EQ(events(scratch / "views", "stage")[0]["cached"], true);
  train::Job job = open(with(text_config(scratch / "none"), {{"augment", "none"}}));
  EXPECT_FALSE(job.inputs->random());
}

TEST(TextReload, EveryKindOfResultPredictsAsAtTheEndOfItsRun) {
  struct Learned {
    const char* name;
    Labels labels;
    Json patch;
    const char* file;
  };
  const Json from_config = {
      {"model",
       {{"config", tiny_bert()}, {"init", "random"}, {"tokenizer", word_piece().string()}}}};
  const std::vector<Learned> cases = {
      {"full", Labels::one, Json::object(), "model/model.safetensors"},
      {"head", Labels::one, {{"strategy", "head"}}, "delta.safetensors"},
      {"lora", Labels::one, kLora, "adapter/adapter_model.safetensors"},
      {"bitfit", Labels::one, {{"method", "bitfit"}}, "delta.safetensors"},
      {"random", Labels::one, from_config, "model/model.safetensors"},
      {"several", Labels::several, kLora, "adapter/adapter_model.safetensors"},
      {"number", Labels::number, Json::object(), "model/model.safetensors"},
      {"number_lora", Labels::number, kLora, "adapter/adapter_model.safetensors"},
      {"number_head", Labels::number, {{"strategy", "head"}}, "delta.safetensors"}};
  for (const Learned& l : cases) {
    SCOPED_TRACE(l.name);
    const test::ScratchDir scratch;
    Json config = text_config(scratch / "run", l.labels);
    if (l.patch.contains("model")) config.erase("model");
    train::Job job = open(with(with(config, l.patch), {{"budget", {{"epochs", 3}}}}));
    run(job);
    EXPECT_TRUE(fs::exists(scratch / "run" / l.file));
    const at::Tensor ours = text_logits(job.model(), job.data.test);
    const auto loaded = train::load_run_model(scratch / "run");
    EXPECT_LT(gap(ours, text_logits(*loaded.model, job.data.test)), 1e-5);
    EXPECT_GT(ours.std().item<double>(), 1e-3) << "the head learned something";
    train::Predictor predictor((scratch / "run").string());
    EXPECT_EQ(predictor.multi_label(), l.labels == Labels::several);
    EXPECT_EQ(predictor.regression(), l.labels == Labels::number);
    std::ifstream lines(scratch / "run/predictions.jsonl");
    int64_t i = 0;
    for (std::string line; std::getline(lines, line); ++i) {
      const Json said = parse_json(line, "predictions");
      const auto prediction = predictor.classify(job.data.test.text(i));
      const float highest = *std::max_element(prediction.scores.begin(), prediction.scores.end());
      const char* key = l.labels == Labels::number ? "predicted" : "probability";
      EXPECT_NEAR(said[key].get<double>(), highest, 1e-5);
    }
    EXPECT_EQ(i, 12);
  }
}

TEST(TextLora, MergedEqualsUnmerged) {
  const test::ScratchDir scratch;
  train::Job job = open(with(text_config(scratch / "run"), kLora));
  run(job);
  const at::Tensor adapted = text_logits(job.model(), job.data.test);
  const auto base = models::load_model(train::model_source(job.config), job.model().classes());
  ASSERT_GT(gap(adapted, text_logits(*base.model, job.data.test)), 1e-3) << "nothing was learned";
  peft::merge_all(job.model().registry());
  EXPECT_LT(gap(adapted, text_logits(job.model(), job.data.test)), 1e-5);
}

TEST(TextProblem, IsWrittenWhereTransformersReadsIt) {
  for (const auto& [labels, name] :
       std::vector<std::pair<Labels, Json>>{{Labels::one, nullptr},
                                            {Labels::several, "multi_label_classification"},
                                            {Labels::number, "regression"}}) {
    const test::ScratchDir scratch;
    run(text_config(scratch / "run", labels));
    const Json config = read_json(scratch / "run/model/config.json");
    EXPECT_EQ(config.value("problem_type", Json()), name);
    EXPECT_EQ(config["id2label"].size(), labels == Labels::number ? 1U : 3U);
    if (labels == Labels::number) {
      EXPECT_EQ(config["num_labels"], 1);
    }
  }
}

}  // namespace
}  // namespace graft::contract
