#include <torch/types.h>

#include <cmath>

#include "graft/base/error.h"
#include "tests/contract_training/fixture.h"

/// Heads that are solved directly.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

struct Features {
  at::Tensor x, y;  ///< float64 [N, D], int64 [N]
};

Features labelled_features(train::Job& job, const data::View& view) {
  const auto labels = view.labels();
  return {features_of(job.model(), view).to(at::kDouble),
          at::tensor(std::vector<int64_t>(labels.begin(), labels.end()), at::kLong)};
}

double accuracy(train::Job& job, const data::View& view) {
  const Features f = labelled_features(job, view);
  const at::Tensor logits =
      at::linear(f.x, job.model().classifier().weight().to(at::kCPU, at::kDouble),
                 job.model().classifier().bias().to(at::kCPU, at::kDouble));
  return logits.argmax(1).eq(f.y).to(at::kDouble).mean().item<double>();
}

Json solved(const std::string& solver) {
  return {{"strategy", {{"name", "head"}, {"solver", solver}}}};
}

TEST(Solver, NeedsNoStepAndFitsTheTrainingPhotos) {
  for (const char* solver : {"logistic", "ridge"}) {
    for (const auto& model : kFamilies) {
      for (const char* cache : {"memory", "none"}) {
        SCOPED_TRACE(fmt::format("{} {} {}", solver, model, cache));
        const test::ScratchDir scratch;
        train::Job job = open(with(with(config_of(model, scratch / "run"), solved(solver)),
                                   {{"cache", cache}, {"budget", {{"epochs", 1}}}}));
        const Json summary = run(job);
        EXPECT_EQ(summary["work"]["steps"], 0);
        EXPECT_TRUE(events(scratch / "run", "step").empty());
        EXPECT_EQ(summary["status"], "completed");
        EXPECT_GE(accuracy(job, job.data.train), 0.9);
        EXPECT_GT(summary["metric"]["value"].get<double>(), 0.6);
        EXPECT_TRUE(fs::exists(scratch / "run/delta.safetensors"));
      }
    }
  }
}

/// Photos without a validation part: then the regularisation is the given one and not searched.
Json without_validation(const test::ScratchDir& scratch) {
  make_photos(scratch / "photos", {.validation = 0});
  return {{"data",
           {{"train", (scratch / "photos/train").string()},
            {"test", (scratch / "photos/test").string()},
            {"split", {{"validation", 0}}}}}};
}

TEST(Solver, LogisticEndsWhereTheGradientOfItsLossVanishes) {
  for (const double ridge : {0.3, 3.0}) {
    for (const bool weighted : {false, true}) {
      SCOPED_TRACE(fmt::format("ridge {}, weighted {}", ridge, weighted));
      const test::ScratchDir scratch;
      Json patch = with(solved("logistic"), {{"train", {{"ridge", ridge}}}});
      if (weighted) patch["train"]["class_weights"] = {{"ash", 4.0}};
      train::Job job =
          open(with(with(config_of("vit", scratch / "run"), patch), without_validation(scratch)));
      ASSERT_TRUE(job.data.validation.empty());
      run(job);
      const Features f = labelled_features(job, job.data.train);
      const auto n = static_cast<double>(f.x.size(0));
      const at::Tensor std = f.x.std(0, false).clamp_min(1e-6);
      const at::Tensor z = (f.x - f.x.mean(0)) / std;
      const at::Tensor w = job.model().classifier().weight().to(at::kCPU, at::kDouble) * std;
      const at::Tensor b =
          job.model().classifier().bias().to(at::kCPU, at::kDouble) +
          job.model().classifier().weight().to(at::kCPU, at::kDouble).mv(f.x.mean(0));
      at::Tensor weights = at::ones({f.x.size(0)}, at::kDouble);
      if (weighted) weights.masked_fill_(f.y.eq(0), 4.0);
      weights = weights / weights.mean();
      const at::Tensor error =
          (at::softmax(at::linear(z, w, b), 1) - at::one_hot(f.y, 3)) * weights.unsqueeze(1) / n;
      const at::Tensor gradient = error.t().mm(z) + ridge / n * w;
      EXPECT_LT(gradient.abs().max().item<double>(), 2e-4);
      EXPECT_LT(error.sum(0).abs().max().item<double>(), 2e-4);
      EXPECT_GT(w.abs().max().item<double>(), 0.01);
    }
  }
}

TEST(Solver, RidgeIsTheLeastSquaresSolutionUpToAFactor) {
  const test::ScratchDir scratch;
  train::Job job = open(
      with(with(config_of("vit", scratch / "run"), solved("ridge")), without_validation(scratch)));
  run(job);
  const Features f = labelled_features(job, job.data.train);
  const auto n = static_cast<double>(f.x.size(0));
  const at::Tensor std = f.x.std(0, false).clamp_min(1e-6);
  const at::Tensor z = (f.x - f.x.mean(0)) / std;
  const at::Tensor y = at::one_hot(f.y, 3).to(at::kDouble);
  const at::Tensor t = y - y.mean(0);
  const at::Tensor w = job.model().classifier().weight().to(at::kCPU, at::kDouble) * std;
  // The factor that brings w nearest to a zero gradient of |z w - t|² + λ|w|², λ = n / 100.
  const at::Tensor a = z.t().mm(z).mm(w.t()) + n / 100 * w.t();
  const at::Tensor target = z.t().mm(t);
  const double factor = ((a * target).sum() / (a * a).sum()).item<double>();
  EXPECT_GT(factor, 0);
  EXPECT_LT((a * factor - target).abs().max().item<double>(),
            1e-3 * target.abs().max().item<double>());
}

TEST(Solver, LpFtBeginsFromTheSolvedHead) {
  const test::ScratchDir scratch;
  const Json lp_ft = {{"strategy", {{"name", "lp-ft"}, {"solver", "logistic"}, {"rate", 1.0}}},
                      {"train", {{"keep", "last"}}}};
  train::Job head = open(with(config_of("vit", scratch / "head"), solved("logistic")));
  run(head);
  train::Job job = open(with(config_of("vit", scratch / "run"), lp_ft));
  at::Tensor begun;
  Watcher watcher;
  watcher.stage = [&](const train::StageEvent& e) {
    if (e.stage == 1) begun = job.model().classifier().weight().detach().clone();
  };
  const auto before = snapshot(job.model());
  const Json summary = run(job, {&watcher});
  ASSERT_TRUE(begun.defined());
  EXPECT_TRUE(same_bytes(begun, head.model().classifier().weight()));
  EXPECT_EQ(summary["work"]["steps"], 8) << "a solved head takes no part of the budget";
  const auto after = snapshot(job.model());
  const std::string first = job.model().registry().parameters.front().name;
  EXPECT_FALSE(same_bytes(before.at(first), after.at(first)));
  EXPECT_LT(step_losses(scratch / "run").front(), 0.7) << "the first step starts from a good head";
}

TEST(Solver, MultiLabelHeads) {
  for (const char* solver : {"logistic", "ridge"}) {
    SCOPED_TRACE(solver);
    const test::ScratchDir scratch;
    std::string csv = "path,label,split\n";
    const fs::path folder = make_photos(scratch / "photos", {});
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      const std::string label = entry.path().parent_path().filename().string();
      const std::string split = entry.path().parent_path().parent_path().filename().string();
      csv += fmt::format("{},{}{},{}\n", fs::relative(entry.path(), folder).string(), label,
                         label == "ash" ? "" : ";tree", split);
    }
    test::write_text(folder / "list.csv", csv);
    const Json config = with(
        with(config_of("vit", scratch / "run"), solved(solver)),
        {{"data", {{"path", (folder / "list.csv").string()}, {"columns", {{"split", "split"}}}}},
         {"metric", "mean_average_precision"}});
    train::Job job = open(config);
    ASSERT_TRUE(job.data.multi_label());
    ASSERT_EQ(job.model().classes().size(), 4U);
    const Json summary = run(job);
    EXPECT_GT(summary["metric"]["value"].get<double>(), 0.8);
  }
}

}  // namespace
}  // namespace graft::contract
