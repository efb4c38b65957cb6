#include <torch/types.h>

#include <algorithm>
#include <fstream>
#include <numeric>

#include "graft/base/error.h"
#include "graft/eval/correlation.h"
#include "graft/plan/plan.h"
#include "graft/train/batches.h"
#include "graft/train/contrastive.h"
#include "graft/train/run_model.h"
#include "tests/contract_training/pairs.h"
#include "tests/contract_training/stops.h"
#include "tests/contract_training/texts.h"

/// What training promises of texts it promises of texts that are compared.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

const Json kLora = {{"method", {{"name", "lora"}, {"r", 4}, {"target", "all"}}}};
constexpr Kind kKinds[] = {Kind::pairs, Kind::triples, Kind::scored};

double gap(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

std::vector<int64_t> positions(const data::View& view) {
  std::vector<int64_t> all(static_cast<size_t>(view.size()));
  std::iota(all.begin(), all.end(), int64_t{0});
  return all;
}

eval::Predictions measured(train::Job& job, const data::View& view) {
  train::Reader reader(job, [](const std::string&) {});
  return reader.evaluate(view, train::Deadline(std::nullopt));
}

double value_of(const char* metric, const eval::Predictions& p) {
  return eval::measure(eval::find_metric(metric), p).value;
}

TEST(SimilarityTraining, LearnsPairsByHeart) {
  for (const Kind kind : {Kind::pairs, Kind::triples}) {
    for (const Json& patch : {Json::object(), kLora, Json{{"train", {{"symmetric", true}}}}}) {
      SCOPED_TRACE(fmt::format("{} {}", static_cast<int>(kind), patch.dump()));
      const test::ScratchDir scratch;
      Json config = with(pair_config(scratch / "run", kind), patch);
      // With dropout so small a model cannot hold every colour apart.
      config["model"] = {
          {"path", text_base().string()},
          {"config", {{"hidden_dropout_prob", 0}, {"attention_probs_dropout_prob", 0}}}};
      config["budget"] = {{"epochs", 60}};
      config["train"]["keep"] = "last";
      config["train"]["eval_every"] = 60;
      config["train"]["lr"] = 0.005;
      train::Job job = open(config);
      const double before = value_of("mrr", measured(job, job.data.train));
      const Json summary = run(job);
      const eval::Predictions after = measured(job, job.data.train);
      EXPECT_GT(value_of("mrr", after), std::max(0.9, before));
      EXPECT_GT(value_of("recall_at_1", after), 0.85);
      EXPECT_EQ(summary["problem_type"], "similarity");
      EXPECT_EQ(summary["task"], "sentence-similarity");
      EXPECT_FALSE(summary.contains("per_class"));
      EXPECT_TRUE(summary["metrics"].contains("recall_at_10"));
      const std::vector<double> losses = step_losses(scratch / "run");
      EXPECT_LT(losses.back(), 0.2 * losses.front());
    }
  }
}

TEST(SimilarityTraining, LearnsScoresByHeart) {
  for (const char* loss : {"cosent", "cosine"}) {
    SCOPED_TRACE(loss);
    const test::ScratchDir scratch;
    Json config = pair_config(scratch / "run", Kind::scored);
    config["budget"] = {{"epochs", 30}};
    config["train"]["keep"] = "last";
    config["train"]["eval_every"] = 30;
    config["train"]["loss"] = loss;
    train::Job job = open(config);
    const double before = value_of("spearman", measured(job, job.data.train));
    run(job);
    EXPECT_GT(value_of("spearman", measured(job, job.data.train)), std::max(0.8, before));
    const Json range = job.config.values["train"]["score_range"];
    EXPECT_EQ(range, std::string(loss) == "cosine" ? Json({1.0, 5.0}) : Json());
    EXPECT_NE(test::read_text(scratch / "run/report.html").find("spearman"), std::string::npos);
  }
}

TEST(SimilarityEvaluation, IsWhatVectorsOneByOneSay) {
  for (const Kind kind : kKinds) {
    SCOPED_TRACE(static_cast<int>(kind));
    const test::ScratchDir scratch;
    train::Job job = open(pair_config(scratch / "run", kind));
    const data::View& view = job.data.train;
    const int64_t texts = kind == Kind::triples ? 3 : 2;
    EXPECT_EQ(job.data.texts_a_sample, texts);
    EXPECT_EQ(job.inputs->parts(), texts);
    const at::Tensor vectors = vectors_of(job.model(), view, texts);
    const eval::Predictions p = measured(job, view);
    ASSERT_EQ(p.size(), 32);
    train::LossValue loss;
    if (kind == Kind::scored) {
      const at::Tensor cosines = train::pair_cosines(vectors, 2);
      std::vector<double> said, truth;
      for (int64_t i = 0; i < view.size(); ++i) {
        EXPECT_NEAR(p.scores[static_cast<size_t>(i)], cosines[i].item<double>(), 1e-5);
        said.push_back(cosines[i].item<double>());
        truth.push_back(view.sample(i).value);
      }
      EXPECT_NEAR(value_of("spearman", p), eval::correlation(eval::ranks(said), eval::ranks(truth)),
                  1e-9);
      const std::vector<float> values(truth.begin(), truth.end());
      loss = train::cosent_loss(vectors, at::tensor(values), 20);
    } else {
      const at::Tensor keys = train::text_keys(view, positions(view), texts);
      EXPECT_EQ(p.ranks, train::positive_ranks(vectors, keys));
      loss = train::contrastive_loss(vectors, keys, 20, false);
    }
    // Fewer than a group: one batch.
    EXPECT_NEAR(value_of("loss", p), loss.sum.item<double>() / 32, 1e-4);
  }
}

TEST(SimilarityResume, EqualsTheUninterruptedRunBitForBit) {
  const std::vector<std::pair<Kind, Json>> cases = {
      {Kind::pairs, Json::object()},
      {Kind::triples, kLora},
      {Kind::scored, {{"train", {{"loss", "cosine"}}}}},
      {Kind::scored, {{"updates", {{"every", 2}}}}},
      {Kind::triples, {{"augment", {{{"random_deletion", {{"p", 0.2}}}}}}}},
      {Kind::pairs, {{"strategy", {{"name", "top-k"}, {"k", 1}}}, {"cache", "memory"}}},
      {Kind::pairs, {{"strategy", "layer-wise"}}}};
  for (const auto& [kind, patch] : cases) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    run(with(pair_config(scratch / "whole", kind), patch));
    execute_until_stop(with(pair_config(scratch / "pieces", kind), patch), 2);
    train::resume(scratch / "pieces", {});
    expect_same_outcome(scratch / "whole", scratch / "pieces");
  }
}

TEST(SimilarityFrozen, WhatDoesNotTrainStaysAsItIs) {
  for (const Json& patch : {kLora, Json{{"strategy", {{"name", "top-k"}, {"k", 1}}}}}) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    train::Job job = open(with(pair_config(scratch / "run", Kind::triples), patch));
    models::Model& model = job.model();
    EXPECT_EQ(model.head(), model.size());
    const bool adapters = patch.contains("method");
    const auto before = snapshot(model);
    run(job);
    int moved = 0;
    for (const auto& p : model.registry().parameters) {
      const bool trains = !adapters && p.block == model.size() - 1;
      const bool same = same_bytes(before.at(p.name), p.value->detach());
      moved += same ? 0 : 1;
      if (!trains) EXPECT_TRUE(same) << p.name;
    }
    EXPECT_EQ(moved > 0, !adapters);
  }
}

TEST(SimilarityCache, GivesWhatIsComputedAnew) {
  std::vector<std::vector<double>> losses;
  for (const char* cache : {"none", "memory"}) {
    const test::ScratchDir scratch;
    run(with(pair_config(scratch / "run", Kind::triples),
             {{"strategy", {{"name", "top-k"}, {"k", 1}}}, {"cache", cache}}));
    EXPECT_EQ(events(scratch / "run", "stage")[0]["cached"], std::string(cache) == "memory");
    losses.push_back(step_losses(scratch / "run"));
  }
  for (size_t i = 0; i < losses[0].size(); ++i) EXPECT_NEAR(losses[0][i], losses[1][i], 1e-5);
}

TEST(SimilarityWindows, EveryMicroBatchHasItsOwnNegatives) {
  const test::ScratchDir scratch;
  const auto first_loss = [&](int64_t every, int64_t batch) {
    const fs::path folder = scratch / fmt::format("{}x{}", every, batch);
    run(with(pair_config(folder, Kind::pairs), {{"updates", {{"every", every}}},
                                                {"train", {{"batch", batch}}},
                                                {"budget", {{"epochs", nullptr}, {"steps", 1}}}}));
    return step_losses(folder).front();
  };
  // Half as many to be told apart from: two batches of 8 are easier than one of 16.
  EXPECT_LT(first_loss(2, 8), first_loss(1, 16) - 0.2);
  train::Job job =
      open(with(pair_config(scratch / "note", Kind::pairs), {{"updates", {{"every", 2}}}}));
  EXPECT_TRUE(std::any_of(job.notes.begin(), job.notes.end(), [](const std::string& note) {
    return note.find("each of the 2 batches of an update has its own negatives") !=
           std::string::npos;
  }));
}

TEST(SimilarityReload, EveryKindOfResultGivesTheSameVectors) {
  const std::vector<std::pair<Json, const char*>> cases = {
      {Json::object(), "model/model.safetensors"},
      {kLora, "adapter/adapter_model.safetensors"},
      {{{"method", "bitfit"}}, "delta.safetensors"},
      {with(kLora, {{"naming", "v4"}}), "adapter/adapter_model.safetensors"}};
  for (const auto& [patch, file] : cases) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    train::Job job = open(with(pair_config(scratch / "run", Kind::pairs), patch));
    run(job);
    EXPECT_TRUE(fs::exists(scratch / "run" / file));
    const at::Tensor ours = vectors_of(job.model(), job.data.test, 2);
    const auto loaded = train::load_run_model(scratch / "run");
    EXPECT_EQ(loaded.model->task(), models::Task::embedding);
    EXPECT_LT(gap(ours, vectors_of(*loaded.model, job.data.test, 2)), 1e-5);
    EXPECT_EQ(loaded.model->problem(), Target::similarity);
    if (patch.contains("method") && patch["method"] != "bitfit") {
      // The file speaks of the bare model, as peft's FEATURE_EXTRACTION does.
      const Json adapter = read_json(scratch / "run/adapter/adapter_config.json");
      EXPECT_EQ(adapter["task_type"], "FEATURE_EXTRACTION");
      EXPECT_TRUE(adapter["target_modules"][0].get<std::string>().starts_with("e"))
          << adapter["target_modules"][0];
      const auto alone = train::load_any_model((scratch / "run/adapter").string());
      EXPECT_LT(gap(ours, vectors_of(*alone.model, job.data.test, 2)), 1e-5);
    }
    std::ifstream lines(scratch / "run/predictions.jsonl");
    int64_t count = 0;
    for (std::string line; std::getline(lines, line); ++count)
      EXPECT_GE(parse_json(line, "predictions")["rank"].get<int64_t>(), 1);
    EXPECT_EQ(count, 12);
  }
}

TEST(SimilarityReload, AFolderSaysHowItPoolsAndNormalises) {
  const test::ScratchDir scratch;
  Json config = pair_config(scratch / "run", Kind::pairs);
  config["model"] = {{"path", text_base().string()}, {"pooling", "first"}};
  train::Job job = open(config);
  run(job);
  const fs::path model = scratch / "run/model";
  const Json modules = read_json(model / "modules.json");
  ASSERT_GE(modules.size(), 2U);
  EXPECT_EQ(modules[1]["path"], "1_Pooling");
  EXPECT_EQ(read_json(model / "1_Pooling/config.json")["pooling_mode_cls_token"], true);
  models::ModelSource source;
  source.path = model.string();
  source.task = models::Task::embedding;
  const auto loaded = models::load_model(source);
  EXPECT_LT(
      gap(vectors_of(job.model(), job.data.test, 2), vectors_of(*loaded.model, job.data.test, 2)),
      1e-5);
}

TEST(SimilarityRun, GoesOnFromARunOfPairsWithScores) {
  const test::ScratchDir scratch;
  train::Job first = open(pair_config(scratch / "first", Kind::pairs));
  run(first);
  Json config = pair_config(scratch / "second", Kind::scored);
  config["model"] = (scratch / "first").string();
  train::Job second = open(config);
  EXPECT_TRUE(second.from_run);
  EXPECT_LT(gap(vectors_of(first.model(), first.data.test, 2),
                vectors_of(second.model(), first.data.test, 2)),
            1e-5);
  run(second);
  Json classes = text_config(scratch / "third");
  classes["model"] = (scratch / "first").string();
  EXPECT_GRAFT_ERROR(open(classes), ErrorCode::usage, "tells how alike texts are");
}

TEST(SimilarityAnswers, AreVectors) {
  const test::ScratchDir scratch;
  train::Job job = open(pair_config(scratch / "run", Kind::pairs));
  const std::vector<data::Text> texts = {{"the red tree"}, {"the blue river sings"}};
  const auto answers = job.objective().answer(job.model(), texts, 3);
  ASSERT_EQ(answers.size(), 2U);
  nn::Context context;
  const at::Tensor features =
      job.model()
          .forward(train::to_flow(job.model(), texts).to(job.model().device()), context)
          .at("features")
          .detach()
          .cpu();
  for (int64_t i = 0; i < 2; ++i) {
    const auto vector = answers[static_cast<size_t>(i)].json["embedding"].get<std::vector<float>>();
    ASSERT_EQ(static_cast<int64_t>(vector.size()), features.size(1));
    EXPECT_LT(gap(at::tensor(vector), features[i]), 1e-6);
  }
}

TEST(SimilarityUsage, WhatHasNoMeaningIsRefused) {
  const test::ScratchDir scratch;
  const auto refused = [&](Kind kind, const Json& patch, const std::string& words) {
    SCOPED_TRACE(patch.dump());
    EXPECT_GRAFT_ERROR(run(with(pair_config(scratch / "run", kind), patch)), ErrorCode::usage,
                       words);
  };
  const std::string no_head = "a model of embeddings has none";
  refused(Kind::pairs, {{"strategy", "head"}}, no_head);
  refused(Kind::pairs, {{"strategy", "lp-ft"}}, no_head);
  refused(Kind::pairs, {{"strategy", {{"stages", {{{"train", "head"}}, {{"train", "all"}}}}}}},
          no_head);
  refused(Kind::pairs, {{"train", {{"batch", 1}}}}, "train.batch=1");
  refused(Kind::pairs, {{"train", {{"loss", "cosent"}}}},
          "texts belong together; give contrastive");
  refused(Kind::scored, {{"train", {{"loss", "contrastive"}}}}, "give cosent or cosine");
  refused(Kind::scored, {{"train", {{"symmetric", true}}}}, "train.symmetric");
  refused(Kind::pairs, {{"train", {{"score_range", {0, 5}}}}}, "train.score_range");
  refused(Kind::scored, {{"train", {{"score_range", {0, 5}}}}}, "train.loss=cosine");
  refused(Kind::scored, {{"train", {{"score_range", {5, 0}}}}}, "two rising numbers");
  refused(Kind::pairs, {{"metric", "spearman"}}, "metric=spearman");
  refused(Kind::scored, {{"metric", "mrr"}}, "metric=mrr");
  refused(Kind::scored, {{"train", {{"label_smoothing", 0.1}}}}, "train.label_smoothing");
  refused(Kind::pairs, {{"task", "text-classification"}}, "sentence-similarity");
  EXPECT_FALSE(fs::exists(scratch / "run"));
  // A score is a number to regress, unless the task says otherwise.
  Json config = pair_config(scratch / "run", Kind::scored);
  config["task"] = "auto";
  config["metric"] = "pearson";
  config["data"] = {{"path", pairs(Kind::scored).string()}, {"labels", "regression"}};
  EXPECT_EQ(open(config).data.target, Target::regression);
}

TEST(SimilarityPlan, DecidesWhatIsOpen) {
  const test::ScratchDir scratch;
  const Json config = {{"model", text_base().string()},
                       {"data", pairs(Kind::triples).string()},
                       {"output", (scratch / "run").string()},
                       {"budget", {{"epochs", 2}}}};
  plan::Planned planned = plan::make_plan(train::make_config(config), {.compare = true});
  const Json& v = planned.job.config.values;
  EXPECT_EQ(v["task"], "sentence-similarity");
  EXPECT_EQ(v["metric"], "mrr");
  EXPECT_EQ(v["train"]["loss"], "contrastive");
  EXPECT_EQ(v["method"]["name"], "lora");
  EXPECT_EQ(planned.facts.candidates.size(), 3U) << "there is no head to train alone";
  const Json summary = run(planned.job);
  EXPECT_TRUE(summary["metrics"].contains("mrr"));
}

TEST(SimilarityTraining, ImprovesMiniLmOnSick) {
  const fs::path minilm = test::source_dir() / ".deps/minilm";
  if (!fs::exists(minilm)) GTEST_SKIP() << "needs scripts/minilm";
  GRAFT_NEEDS_SHARED("data/sick2014");
  const test::ScratchDir scratch;
  Json config = with(pair_config(scratch / "run", Kind::scored), kLora);
  config["model"] = minilm.string();
  config["data"] = {{"path", (test::shared_dir() / "data/sick2014").string()}, {"fraction", 0.1}};
  config["threads"] = 2;
  config["budget"] = {{"steps", 20}};
  config["train"]["batch"] = 16;
  config["train"]["lr"] = 0.0005;
  config["train"]["eval_every"] = 100;
  train::Job job = open(config);
  EXPECT_EQ(job.data.train.size(), 450);
  // A model that was trained for this knows much already.
  const data::View some = job.data.validation;
  const double before = value_of("spearman", measured(job, job.data.validation));
  EXPECT_GT(before, 0.7);
  job.data.test = {some.source, {}};
  run(job);
  EXPECT_GT(value_of("spearman", measured(job, job.data.validation)), before);
}

}  // namespace
}  // namespace graft::contract
