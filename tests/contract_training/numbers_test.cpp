#include <torch/types.h>

#include <fstream>

#include "graft/base/error.h"
#include "graft/train/batches.h"
#include "graft/train/loss.h"
#include "graft/train/run_model.h"
#include "tests/contract_training/texts.h"

/// Numbers as labels: what is learned, how it is measured, and what has no meaning for them.
namespace graft::contract {
namespace {

TEST(Numbers, AreLearnedFromTheMeanOn) {
  const test::ScratchDir scratch;
  train::Job job = open(with(text_config(scratch / "run", Labels::number),
                             {{"budget", {{"epochs", 40}}}, {"train", {{"keep", "last"}}}}));
  double mean = 0;
  for (int64_t i = 0; i < 36; ++i) mean += job.data.train.sample(i).value / 36;
  const at::Tensor before = text_logits(job.model(), job.data.test);
  EXPECT_LT((before - mean).abs().max().item<double>(), 1e-5) << "a new head says the mean";
  const Json summary = run(job);
  EXPECT_EQ(summary["task"], "text-regression");
  EXPECT_EQ(summary["problem_type"], "regression");
  EXPECT_EQ(summary["throughput"]["unit"], "texts");
  EXPECT_FALSE(summary.contains("per_class"));
  for (const char* name : {"pearson", "spearman", "mae", "loss"})
    EXPECT_TRUE(summary["metrics"].contains(name)) << name;
  EXPECT_FALSE(summary["metrics"].contains("accuracy"));
  // The variance of the test numbers is about 2: what the mean alone would leave.
  EXPECT_LT(summary["loss"].get<double>(), 1.0);
  EXPECT_GT(summary["metrics"]["pearson"]["value"].get<double>(), 0.8);
  std::ifstream lines(scratch / "run/predictions.jsonl");
  double sum = 0;
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const Json p = parse_json(line, "predictions");
    EXPECT_FALSE(p.contains("probability"));
    const double miss = p["predicted"].get<double>() - p["label"].get<double>();
    EXPECT_NEAR(p["loss"].get<double>(), miss * miss, 1e-4);
    sum += miss * miss;
  }
  EXPECT_EQ(count, 12);
  EXPECT_NEAR(sum / count, summary["loss"].get<double>(), 1e-4);
}

/// The closed form against its definition: the gradient of the penalised squares is zero.
TEST(Numbers, ASolvedHeadIsRidgeRegression) {
  const test::ScratchDir scratch;
  train::Job job = open(
      with(text_config(scratch / "run", Labels::number),
           {{"strategy", {{"name", "head"}, {"solver", "ridge"}}}, {"budget", {{"epochs", 1}}}}));
  const Json summary = run(job);
  EXPECT_EQ(summary["work"]["steps"], 0);
  const at::NoGradGuard no_grad;
  train::Reader reader(job, [](const std::string&) {});
  std::vector<int64_t> wanted(36), positions;
  for (size_t i = 0; i < wanted.size(); ++i) wanted[i] = static_cast<int64_t>(i);
  at::Tensor x = reader
                     .forward_some(job.data.train, wanted, job.model().size() - 1,
                                   train::Deadline(std::nullopt), positions)
                     .to(at::kDouble);
  const at::Tensor y = job.objective().targets(job, job.data.train, positions).to(at::kDouble);
  const at::Tensor w = job.model().classifier().weight().to(at::kDouble);
  const at::Tensor miss = at::linear(x, w, job.model().classifier().bias().to(at::kDouble)) - y;
  EXPECT_LT(std::abs(miss.mean().item<double>()), 1e-4);
  const at::Tensor std = x.std(0, false).clamp_min(1e-6);
  x = (x - x.mean(0)) / std;
  // One lambda for all directions: X'(y - Xw) = lambda w.
  const at::Tensor pull = -x.t().mm(miss).squeeze(1);
  const at::Tensor weight = (w * std).squeeze(0);
  const double lambda = pull.dot(weight).item<double>() / weight.dot(weight).item<double>();
  bool known = false;  // 36 samples, ridge 1 (train.ridge) times powers of ten
  for (const double factor : {100.0, 10.0, 1.0, 0.1, 0.01})
    known = known || std::abs(lambda - factor * 0.36) < 0.02 * factor * 0.36;
  EXPECT_TRUE(known) << lambda;
  EXPECT_LT((pull - lambda * weight).abs().max().item<double>(),
            1e-3 * pull.abs().max().item<double>());
}

TEST(Numbers, SquaredLossIsTheMeanOfSquares) {
  train::LossOptions options;
  options.kind = "squared";
  const at::Tensor logits = at::tensor({1.0F, 4.0F}).unsqueeze(1).requires_grad_(true);
  const auto loss = train::compute_loss(logits, at::tensor({3.0F, 3.0F}).unsqueeze(1), options);
  EXPECT_EQ(loss.sum.item<double>(), 5);
  EXPECT_EQ(loss.weight, 2);
  (loss.sum / loss.weight).backward();
  EXPECT_EQ(logits.grad()[0].item<double>(), -2);
  EXPECT_EQ(logits.grad()[1].item<double>(), 1);
}

TEST(Numbers, WhatIsForClassesIsRefused) {
  const test::ScratchDir scratch;
  const Json config = text_config(scratch / "run", Labels::number);
  const std::vector<std::pair<Json, std::string>> cases = {
      {{{"train", {{"class_weights", "balanced"}}}}, "train.class_weights"},
      {{{"train", {{"label_smoothing", 0.1}}}}, "train.label_smoothing"},
      {{{"train", {{"loss", "focal"}}}}, "train.loss=focal"},
      {{{"train", {{"loss", "cross-entropy"}}}}, "train.loss=cross-entropy"},
      {{{"train", {{"mixup", 0.2}}}}, "train.mixup"},
      {{{"train", {{"cutmix", 0.2}}}}, "train.cutmix"},
      {{{"sampling", {{"balanced", true}}}}, "sampling.balanced"},
      {{{"metric", "accuracy"}}, "pearson, spearman, mae, loss"},
      {{{"task", "text-classification"}}, "text-regression"},
      {{{"strategy", {{"name", "head"}, {"solver", "logistic"}}}}, "solver=ridge"}};
  for (const auto& [patch, part] : cases) {
    SCOPED_TRACE(patch.dump());
    EXPECT_GRAFT_ERROR(open(with(config, patch)), ErrorCode::usage, part);
  }
  const Json classes = text_config(scratch / "run");
  EXPECT_GRAFT_ERROR(open(with(classes, {{"train", {{"loss", "squared"}}}})), ErrorCode::usage,
                     "data.labels=regression where the labels are numbers");
  EXPECT_GRAFT_ERROR(open(with(classes, {{"metric", "pearson"}})), ErrorCode::usage, "accuracy");
  EXPECT_GRAFT_ERROR(open(with(classes, {{"train", {{"cutmix", 0.2}}}})), ErrorCode::usage,
                     "pieces of pictures");
}

TEST(Numbers, GoOnFromARunOfNumbersAndNotFromOneOfClasses) {
  const test::ScratchDir scratch;
  const std::string numbers = (scratch / "numbers").string();
  run(text_config(numbers, Labels::number));
  train::Job job =
      open(with(text_config(scratch / "second", Labels::number), {{"model", numbers}}));
  const auto loaded = train::load_run_model(numbers);
  loaded.model->to(job.model().device());  // the same bits come of the same device only
  EXPECT_EQ((text_logits(job.model(), job.data.test) - text_logits(*loaded.model, job.data.test))
                .abs()
                .max()
                .item<double>(),
            0)
      << "the head is kept, not set to the mean";
  run(job);
  EXPECT_GRAFT_ERROR(open(with(text_config(scratch / "third"), {{"model", numbers}})),
                     ErrorCode::usage, "predicts a number");
  const std::string classes = (scratch / "classes").string();
  run(text_config(classes));
  EXPECT_GRAFT_ERROR(
      open(with(text_config(scratch / "fourth", Labels::number), {{"model", classes}})),
      ErrorCode::usage, "tells classes apart");
  // The folder that transformers reads keeps its row too.
  train::Job exported =
      open(with(text_config(scratch / "fifth", Labels::number), {{"model", numbers + "/model"}}));
  EXPECT_TRUE(exported.loaded.head.added.empty());
  // As transformers writes one: its only output is called LABEL_0.
  const std::filesystem::path foreign = scratch / "numbers/model";
  Json written = read_json(foreign / "config.json");
  written["id2label"] = {{"0", "LABEL_0"}};
  write_json(foreign / "config.json", written);
  train::Job named =
      open(with(text_config(scratch / "sixth", Labels::number), {{"model", foreign.string()}}));
  EXPECT_TRUE(named.loaded.head.added.empty());
  EXPECT_EQ(named.model().classes(), std::vector<std::string>{"value"});
}

}  // namespace
}  // namespace graft::contract
