#include "graft/train/preference.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/io/safetensors.h"
#include "graft/plan/plan.h"
#include "graft/train/batches.h"
#include "graft/train/run_model.h"
#include "graft/train/trained_set.h"
#include "tests/contract_training/language.h"
#include "tests/contract_training/stops.h"

/// What training promises of texts it promises of preferences, and that they are what DPO says.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

const Json kAdapters = {{"method", {{"name", "lora"}, {"r", 4}, {"target", "all"}}}};
constexpr double kBeta = 0.5;

Json pair_of(uint64_t key) {
  Rng rng{key};
  const int64_t a = rng.integer(1, 400);
  const int64_t b = rng.integer(1, 9);
  return {{"prompt", fmt::format("What is {} and {}? ", a, b)},
          {"chosen", fmt::format("It is {}.", a + b)},
          {"rejected", fmt::format("I do not like {}, so I will not say.", b)}};
}

void write_lines(const fs::path& path, const std::vector<Json>& records) {
  std::ofstream file(path);
  for (const Json& record : records) file << record.dump() << "\n";
}

/// A folder with train, validation and test (24, 8, 8 pairs).
const fs::path& wishes() {
  static const test::ScratchDir scratch;
  static const fs::path folder = [] {
    uint64_t key = 0;
    for (const auto& [split, count] :
         std::vector<std::pair<std::string, int>>{{"train", 24}, {"validation", 8}, {"test", 8}}) {
      std::vector<Json> records;
      records.reserve(static_cast<size_t>(count));
      for (int i = 0; i < count; ++i) records.push_back(pair_of(++key));
      write_lines(scratch / (split + ".jsonl"), records);
    }
    return scratch.path();
  }();
  return folder;
}

Json preference_config(const fs::path& output) {
  return with(language_config(output), {{"data", wishes().string()},
                                        {"metric", "loss"},
                                        {"train", {{"loss", "dpo"}, {"dpo_beta", kBeta}}}});
}

/// Log-probabilities [n, 2] of the answers of a view, each text alone and by its logits.
at::Tensor plain_answers(train::Job& job, const data::View& view) {
  const at::NoGradGuard no_grad;
  std::vector<int64_t> order(static_cast<size_t>(view.size()));
  std::iota(order.begin(), order.end(), int64_t{0});
  data::LoaderOptions options;
  options.batch_size = 1;
  const auto batches = job.inputs->batches(view, order, {}, options, nullptr);
  nn::Context context;
  at::Tensor answers = at::zeros({view.size(), 2}, at::kDouble);
  for (int64_t i = 0; i < view.size(); ++i) {
    const auto batch = batches->next();
    const at::Tensor& lengths = batch->inputs.at("lengths");
    EXPECT_EQ(lengths.size(0), 2);
    int64_t begin = 0;
    for (int64_t k = 0; k < 2; ++k) {
      const int64_t length = lengths[k].item<int64_t>();
      const at::Tensor targets = batch->inputs.at("targets").narrow(0, begin, length);
      nn::Flow flow("ids", batch->inputs.at("ids").narrow(0, begin, length));
      flow["lengths"] = lengths.narrow(0, k, 1);
      const at::Tensor logits =
          job.model().forward(flow.to(job.model().device()), context).at("logits").cpu();
      const at::Tensor logp = at::log_softmax(logits.to(at::kDouble), 1);
      for (int64_t t = 0; t < length; ++t) {
        const int64_t wanted = targets[t].item<int64_t>();
        if (wanted >= 0) answers[i][k] += logp[t][wanted];
      }
      begin += length;
    }
  }
  return answers;
}

/// Moves two matrices of the model a little.
void disturb(models::Model& model) {
  const at::NoGradGuard no_grad;
  const auto g = at::detail::createCPUGenerator(3);
  for (const char* name :
       {"model.layers.1.mlp.up_proj.weight", "model.layers.3.self_attn.o_proj.weight"}) {
    at::Tensor& weight = *model.registry().find(name)->value;
    weight.add_((at::randn(weight.sizes(), g, at::kFloat) * 0.05).to(weight.device()));
  }
}

double mean_margin(train::Job& job, const data::View& view) {
  train::Reader reader(job, [](const std::string&) {});
  const auto p = reader.evaluate(view, train::Deadline(std::nullopt));
  return eval::measure(eval::find_metric("reward_margin"), p).value;
}

at::Tensor kept_reference(const fs::path& run, const std::string& split) {
  return io::SafetensorsReader(run / "checkpoints/reference.safetensors").tensor(split).clone();
}

TEST(PreferenceLoss, IsTheFormulaByHand) {
  const test::ScratchDir scratch;
  train::Job job = open(preference_config(scratch / "run"));
  const train::Deadline forever(std::nullopt);
  train::Reader reader(job, [](const std::string&) {});
  const at::Tensor before = plain_answers(job, job.data.validation);
  train::begin_reference(job, reader, forever, {}, false);
  EXPECT_TRUE(at::allclose(job.reference.validation.to(at::kDouble), before, 1e-5, 1e-4));
  // Before anything has moved no answer has gained, to the last bit.
  const auto still = reader.evaluate(job.data.validation, forever);
  EXPECT_EQ(still.margins, std::vector<float>(8, 0));
  EXPECT_EQ(eval::measure(eval::find_metric("reward_accuracy"), still).value, 0.5);
  disturb(job.model());
  const at::Tensor after = plain_answers(job, job.data.validation);
  const auto p = reader.evaluate(job.data.validation, forever);
  ASSERT_EQ(p.size(), 8);
  double all = 0;
  for (int64_t i = 0; i < 8; ++i) {
    const auto gain = [&](int64_t k) {
      return after[i][k].item<double>() - before[i][k].item<double>();
    };
    const double margin = kBeta * (gain(0) - gain(1));
    const double loss = std::log1p(std::exp(-margin));
    const auto at = static_cast<size_t>(i);
    EXPECT_NEAR(p.margins[at], margin, 2e-4);
    EXPECT_NEAR(p.losses[at], loss, 2e-4);
    EXPECT_NEAR(p.chosen[at], after[i][0].item<double>(), 1e-3);
    EXPECT_NEAR(p.rejected[at], after[i][1].item<double>(), 1e-3);
    EXPECT_GT(std::abs(margin), 1e-3) << "the weights have moved";
    all += loss;
  }
  EXPECT_NEAR(eval::measure(eval::find_metric("loss"), p).value, all / 8, 2e-4);
}

TEST(PreferenceLoss, HasTheGradientOfTheWholeLogits) {
  for (const Json& patch : {Json::object(), kAdapters}) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    train::Job job = open(with(preference_config(scratch / "run"), patch));
    models::Model& model = job.model();
    train::Reader reader(job, [](const std::string&) {});
    train::begin_reference(job, reader, train::Deadline(std::nullopt), {}, false);
    disturb(model);
    const auto trained =
        train::trained_tensors(model, job.config.methods, job.stages.front().blocks);
    train::apply_trained(model, trained);
    train::BatchStream stream(job, reader, 0, 0);
    const auto batch = stream.next();
    ASSERT_EQ(batch->targets.sizes().vec(), (std::vector<int64_t>{8, 2}));
    nn::Context context;

    train::LossOptions options;
    options.kind = "dpo";
    options.dpo_beta = kBeta;
    const nn::Flow result = model.forward(batch->flow, context);
    const train::LossValue loss = job.objective().loss(result, batch->targets, options);
    EXPECT_EQ(loss.weight, 8);
    EXPECT_EQ(loss.tokens, batch->flow.at("targets").ge(0).sum().item<int64_t>());
    loss.sum.backward();
    std::vector<at::Tensor> ours;
    for (const auto& tensor : trained) {
      ours.push_back(tensor.value->grad().clone());
      tensor.value->mutable_grad() = at::Tensor();
    }

    nn::Flow flow("ids", batch->flow.at("ids"));
    flow["lengths"] = batch->flow.at("lengths");
    const at::Tensor targets = batch->flow.at("targets").cpu();
    const at::Tensor logits = model.forward(flow.to(model.device()), context).at("logits").cpu();
    const at::Tensor each = at::log_softmax(logits.to(at::kDouble), 1)
                                .gather(1, targets.clamp_min(0).unsqueeze(1))
                                .squeeze(1) *
                            targets.ge(0).to(at::kDouble);
    const at::Tensor text = at::repeat_interleave(batch->flow.at("lengths"));
    const at::Tensor gains = at::zeros({16}, at::kDouble).index_add(0, text, each).view({8, 2}) -
                             batch->targets.to(at::kCPU, at::kDouble);
    const at::Tensor plain =
        -at::log_sigmoid(kBeta * (gains.select(1, 0) - gains.select(1, 1))).sum();
    EXPECT_NEAR(loss.sum.item<double>(), plain.item<double>(), 1e-3);
    plain.backward();
    for (size_t i = 0; i < trained.size(); ++i) {
      const at::Tensor& expected = trained[i].value->grad();
      const double scale = expected.abs().max().item<double>();
      EXPECT_LT((ours[i] - expected).abs().max().item<double>(), 1e-3 * scale + 1e-7)
          << trained[i].name;
    }
  }
}

TEST(PreferenceTraining, TheMarginRisesWithEveryStrategy) {
  for (const Json& patch :
       {Json::object(), kAdapters, Json{{"strategy", "head"}, {"cache", "memory"}},
        Json{{"strategy", "layer-wise"}}, Json{{"strategy", {{"name", "top-k"}, {"k", 2}}}}}) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    const fs::path folder = scratch / "run";
    Json config = with(preference_config(folder), patch);
    config["budget"] = {{"epochs", 4}};
    train::Job job = open(config);
    const Json summary = run(job);
    // The first update begins where nothing has gained anything.
    EXPECT_NEAR(step_losses(folder).front(), std::log(2), 1e-3);
    EXPECT_GT(mean_margin(job, job.data.train), 0.02);
    EXPECT_LT(summary["loss"].get<double>(), std::log(2));
    EXPECT_GT(summary["metrics"]["reward_margin"]["value"].get<double>(), 0);
    EXPECT_GT(summary["metrics"]["reward_accuracy"]["value"].get<double>(), 0.5);
    EXPECT_EQ(summary["problem_type"], "next_token");
    EXPECT_FALSE(summary.contains("per_class"));
    EXPECT_GT(summary["work"]["learned_tokens"].get<int64_t>(), 4 * 2 * 24);
    std::istringstream lines(test::read_text(folder / "predictions.jsonl"));
    double margins = 0;
    int64_t count = 0;
    for (std::string line; std::getline(lines, line); ++count)
      margins += parse_json(line, "predictions")["margin"].get<double>();
    EXPECT_EQ(count, 8);
    EXPECT_NEAR(margins / 8, summary["metrics"]["reward_margin"]["value"].get<double>(), 1e-6);
    EXPECT_NE(test::read_text(folder / "report.html").find("reward_accuracy"), std::string::npos);
  }
}

TEST(PreferenceFrozen, AdaptersLeaveTheBaseAsItIs) {
  const test::ScratchDir scratch;
  train::Job job = open(with(preference_config(scratch / "run"), kAdapters));
  const auto before = snapshot(job.model());
  run(job);
  for (const auto& p : job.model().registry().parameters)
    EXPECT_TRUE(same_bytes(before.at(p.name), p.value->detach())) << p.name;
  EXPECT_TRUE(fs::exists(scratch / "run/adapter/adapter_model.safetensors"));
}

TEST(PreferenceCache, GivesWhatIsComputedAnew) {
  std::vector<double> losses;
  for (const char* cache : {"none", "memory"}) {
    const test::ScratchDir scratch;
    const Json summary =
        run(with(preference_config(scratch / "run"), {{"strategy", "head"}, {"cache", cache}}));
    EXPECT_EQ(events(scratch / "run", "stage")[0]["cached"], std::string(cache) == "memory");
    losses.push_back(summary["loss"].get<double>());
  }
  EXPECT_NEAR(losses[0], losses[1], 1e-6);
}

TEST(PreferenceWindows, ManySmallBatchesEqualOneLarge) {
  const test::ScratchDir scratch;
  std::vector<at::Tensor> weights;
  for (const int64_t every : {1, 2, 8}) {
    Json config = with(preference_config(scratch / std::to_string(every)),
                       {{"updates", {{"every", every}}},
                        {"train", {{"batch", 8 / every}, {"optimizer", "sgd"}, {"clip", 0}}},
                        {"budget", {{"epochs", nullptr}, {"steps", 3}}}});
    train::Job job = open(config);
    run(job);
    weights.push_back(
        job.model().registry().find("model.layers.2.mlp.up_proj.weight")->value->clone());
    EXPECT_LT((weights[0] - weights.back()).abs().max().item<double>(), 1e-6) << every;
  }
}

TEST(PreferenceResume, EqualsTheUninterruptedRunBitForBit) {
  for (const Json& patch :
       {Json::object(), kAdapters, Json{{"strategy", "head"}, {"cache", "memory"}},
        Json{{"updates", {{"every", 2}}}}}) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    run(with(preference_config(scratch / "whole"), patch));
    execute_until_stop(with(preference_config(scratch / "pieces"), patch), 2);
    train::resume(scratch / "pieces", {});
    expect_same_outcome(scratch / "whole", scratch / "pieces");
    EXPECT_EQ(test::read_text(scratch / "whole/checkpoints/reference.safetensors"),
              test::read_text(scratch / "pieces/checkpoints/reference.safetensors"));
  }
}

TEST(PreferenceResume, NeedsTheReferenceOfItsData) {
  const test::ScratchDir scratch;
  const fs::path folder = scratch / "run";
  execute_until_stop(preference_config(folder), 2);
  const fs::path file = folder / "checkpoints/reference.safetensors";
  io::TensorMap other;
  other.add("train", at::zeros({23, 2}));
  io::write_safetensors(file, other);
  EXPECT_GRAFT_ERROR(train::resume(folder, {}), ErrorCode::unreadable, "is of other data");
  fs::remove(file);
  EXPECT_GRAFT_ERROR(train::resume(folder, {}), ErrorCode::unreadable, "is gone");
}

TEST(PreferenceRun, GoesOnFromARunWhoseModelIsTheReference) {
  const test::ScratchDir scratch;
  run(with(preference_config(scratch / "first"), kAdapters));
  Json config = with(preference_config(scratch / "second"), kAdapters);
  config["model"] = (scratch / "first").string();
  run(config);
  EXPECT_NEAR(step_losses(scratch / "second").front(), std::log(2), 1e-3);
  train::Job job = open(preference_config(scratch / "plain"));
  const at::Tensor base = plain_answers(job, job.data.test);
  job.loaded = train::load_run_model(scratch / "first");
  const at::Tensor learned = plain_answers(job, job.data.test);
  const at::Tensor first = kept_reference(scratch / "first", "test").to(at::kDouble);
  const at::Tensor second = kept_reference(scratch / "second", "test").to(at::kDouble);
  EXPECT_TRUE(at::allclose(first, base, 1e-4, 1e-3));
  EXPECT_TRUE(at::allclose(second, learned, 1e-4, 1e-3));
  EXPECT_FALSE(at::allclose(base, learned, 1e-4, 1e-3));
}

TEST(PreferenceData, RecordsWithOneAnswerAreLeftOutAndCounted) {
  const test::ScratchDir scratch;
  std::vector<Json> records;
  records.reserve(7);
  for (uint64_t i = 0; i < 6; ++i) records.push_back(pair_of(100 + i));
  records.push_back({{"prompt", "Who? "}, {"chosen", "Tom."}});
  records.push_back({{"prompt", "Who? "}, {"chosen", "Tom."}, {"rejected", "Tom."}});
  write_lines(scratch / "train.jsonl", records);
  Json config = preference_config(scratch / "run");
  config["data"] = {{"train", (scratch / "train.jsonl").string()},
                    {"validation", (wishes() / "validation.jsonl").string()}};
  train::Job job = open(config);
  EXPECT_EQ(job.data.train.size(), 6);
  EXPECT_EQ(job.data.target, Target::preference);
  const auto said = std::find_if(job.notes.begin(), job.notes.end(), [](const std::string& note) {
    return note.find("2 of 8 records are no pair") != std::string::npos &&
           note.find("it has no rejected answer") != std::string::npos;
  });
  EXPECT_NE(said, job.notes.end());
  // Without dpo what is chosen is learned.
  config["train"]["loss"] = "auto";
  EXPECT_EQ(open(config).data.train.size(), 8);
}

TEST(PreferenceUsage, WhatHasNoMeaningIsRefused) {
  const test::ScratchDir scratch;
  const Json config = preference_config(scratch / "run");
  const auto refused = [&](const Json& patch, const std::string& words) {
    SCOPED_TRACE(patch.dump());
    EXPECT_GRAFT_ERROR(run(with(config, patch)), ErrorCode::usage, words);
  };
  refused({{"data", sums().string()}}, "none of the 24");
  refused({{"train", {{"loss", "cross-entropy"}}}, {"metric", "reward_margin"}},
          "metric=reward_margin");
  refused({{"metric", "perplexity"}}, "metric=perplexity");
  refused({{"train", {{"label_smoothing", 0.1}}}}, "train.label_smoothing");
  refused({{"train", {{"dpo_beta", 0}}}}, "dpo_beta");
  Json photos = config_of("vit", scratch / "run");
  photos["train"]["loss"] = "dpo";
  EXPECT_GRAFT_ERROR(run(photos), ErrorCode::usage, "train.loss=dpo");
  EXPECT_FALSE(fs::exists(scratch / "run"));
}

TEST(PreferenceBudget, NoTimeForTheFirstPassIsAnError) {
  const test::ScratchDir scratch;
  train::Job job = open(preference_config(scratch / "run"));
  train::Reader reader(job, [](const std::string&) {});
  const train::Deadline over(1e-3);
  EXPECT_GRAFT_ERROR(train::begin_reference(job, reader, over, scratch / "reference", false),
                     ErrorCode::no_plan, "budget.time ended");
  EXPECT_FALSE(fs::exists(scratch / "reference"));
}

TEST(PreferencePlan, DecidesWhatIsOpen) {
  const test::ScratchDir scratch;
  const Json config = {{"model", language_config(scratch / "run")["model"]},
                       {"data", wishes().string()},
                       {"output", (scratch / "run").string()},
                       {"budget", {{"epochs", 2}}},
                       {"train", {{"loss", "dpo"}}}};
  plan::Planned planned = plan::make_plan(train::make_config(config), {.compare = true});
  const Json& v = planned.job.config.values;
  EXPECT_EQ(v["metric"], "loss");
  EXPECT_EQ(v["task"], "language-modeling");
  EXPECT_TRUE(v["train"]["lr"].is_number());
  EXPECT_GT(planned.facts.predicted["step_s"].get<double>(), 0);
  EXPECT_EQ(planned.facts.candidates.size(), 4U);
  const Json summary = run(planned.job);
  EXPECT_TRUE(summary["metrics"].contains("reward_accuracy"));
}

TEST(PreferenceTraining, LearnsRealPreferences) {
  const std::string file = "data/rasbt-instruct/instruction-data-with-preference.json";
  GRAFT_NEEDS_SHARED(file);
  const test::ScratchDir scratch;
  Json config = with(preference_config(scratch / "run"), kAdapters);
  config["data"] = {{"path", (test::shared_dir() / file).string()}, {"fraction", 0.2}};
  config["train"]["max_length"] = 256;
  config["budget"] = {{"steps", 20}};
  train::Job job = open(config);
  run(job);
  EXPECT_GT(mean_margin(job, job.data.train), 0);
  const std::vector<double> losses = step_losses(scratch / "run");
  EXPECT_LT(std::accumulate(losses.end() - 5, losses.end(), 0.0) / 5, std::log(2));
}

}  // namespace
}  // namespace graft::contract
