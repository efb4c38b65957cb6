#include <torch/types.h>

#include <cmath>

#include "graft/base/error.h"
#include "graft/data/loader.h"
#include "graft/io/safetensors.h"
#include "graft/nn/norm.h"
#include "graft/plan/lr_range.h"
#include "tests/contract_training/fixture.h"

/// Divergence, early stopping, averages, batch norm statistics, and the range test.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

bool all_finite(const fs::path& file) {
  const io::SafetensorsReader reader(file);
  for (const auto& name : reader.names()) {
    if (!reader.tensor(name).isfinite().all().item<bool>()) return false;
  }
  return true;
}

/// SGD with a usual rate in the first half and an absurd one in the second.
Json diverging(const std::string& keep) {
  const Json stages = Json::array(
      {{{"train", "head"}, {"share", 0.5}, {"rate", 1.0}}, {{"train", "all"}, {"rate", 1e30}}});
  return {{"strategy", {{"stages", stages}}},
          {"budget", {{"epochs", 6}}},
          {"train", {{"optimizer", "sgd"}, {"clip", 0}, {"schedule", "constant"}, {"keep", keep}}}};
}

TEST(Divergence, NamesStepAndSampleAndKeepsTheBest) {
  for (const char* keep : {"best", "last"}) {
    SCOPED_TRACE(keep);
    const test::ScratchDir scratch;
    std::string message;
    try {
      run(with(config_of("vit", scratch / "run"), diverging(keep)));
    } catch (const Error& e) {
      message = e.what();
      EXPECT_EQ(static_cast<int>(e.code()), static_cast<int>(ErrorCode::internal));
    }
    EXPECT_NE(message.find("at step 1"), std::string::npos) << message;
    EXPECT_NE(message.find("sample train/"), std::string::npos) << message;
    EXPECT_NE(message.find("are kept"), std::string::npos) << message;
    const Json summary = read_json(scratch / "run/summary.json");
    EXPECT_EQ(summary["status"], "diverged");
    EXPECT_TRUE(summary["metric"]["value"].is_number());
    ASSERT_TRUE(fs::exists(scratch / "run/model/model.safetensors"));
    EXPECT_TRUE(all_finite(scratch / "run/model/model.safetensors"));
    EXPECT_EQ(events(scratch / "run", "end").back()["status"], "diverged");
  }
}

TEST(Divergence, WithoutAnEvaluationSaysThatNothingIsKept) {
  const test::ScratchDir scratch;
  const Json config =
      with(config_of("vit", scratch / "run"),
           {{"strategy", {{"stages", Json::array({{{"train", "all"}, {"rate", 1e30}}})}}},
            {"train", {{"optimizer", "sgd"}, {"clip", 0}}}});
  EXPECT_GRAFT_ERROR(run(config), ErrorCode::internal, "no earlier evaluation");
  EXPECT_EQ(read_json(scratch / "run/summary.json")["status"], "diverged");
  EXPECT_FALSE(fs::exists(scratch / "run/model"));
}

/// Broken weights are never the best ones, though argmax gives them some accuracy.
TEST(Divergence, AnEvaluationOfBrokenWeightsIsNotTheBest) {
  const test::ScratchDir scratch;
  const Json config =
      with(config_of("vit", scratch / "run"),
           with(diverging("best"), {{"train", {{"batch", 30}, {"eval_every", 1}}}}));
  try {
    run(config);
    ADD_FAILURE() << "expected divergence";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("loss became"), std::string::npos) << e.what();
  }
  EXPECT_TRUE(all_finite(scratch / "run/model/model.safetensors"));
}

TEST(Divergence, AdamWToo) {
  const test::ScratchDir scratch;
  EXPECT_GRAFT_ERROR(run(with(config_of("vit", scratch / "run"),
                              {{"train", {{"lr", 1e4}, {"head_lr", 1e4}, {"weight_decay", 10}}},
                               {"budget", {{"epochs", 30}}}})),
                     ErrorCode::internal, "the loss became");
}

TEST(EarlyStopping, PatienceEndsTheRunAndTheBestComesBack) {
  const test::ScratchDir scratch;
  // A rate that grows stage by stage spoils what the first stage found.
  const Json stages =
      Json::array({{{"train", "head"}, {"share", 0.25}}, {{"train", "all"}, {"rate", 80}}});
  train::Job job = open(with(config_of("vit", scratch / "run"),
                             {{"strategy", {{"stages", stages}}},
                              {"budget", {{"epochs", 20}}},
                              {"metric", "loss"},
                              {"train", {{"patience", 3}, {"schedule", "constant"}}}}));
  const Json summary = run(job);
  EXPECT_EQ(summary["status"], "early-stopped");
  EXPECT_LT(summary["work"]["steps"], 80);
  const auto evaluations = events(scratch / "run", "eval");
  double least = INFINITY;
  size_t validations = 0, best = 0;
  for (const Json& e : evaluations) {
    if (e["split"] != "validation") continue;
    if (e["loss"].get<double>() < least) {
      least = e["loss"].get<double>();
      best = validations;
    }
    ++validations;
  }
  EXPECT_EQ(validations, best + 1 + 3) << "three evaluations without improvement";
  EXPECT_NEAR(summary["metric"]["validation"].get<double>(), least, 1e-9);
  const auto labels = job.data.validation.labels();
  const at::Tensor truth =
      at::tensor(std::vector<int64_t>(labels.begin(), labels.end()), at::kLong);
  const double now =
      at::cross_entropy_loss(logits_of(job.model(), job.data.validation), truth).item<double>();
  EXPECT_NEAR(now, least, 1e-5);
}

TEST(EarlyStopping, KeepLastKeepsTheLast) {
  const test::ScratchDir scratch;
  train::Job job = open(
      with(config_of("vit", scratch / "run"), {{"train", {{"keep", "last"}}}, {"metric", "loss"}}));
  std::map<std::string, at::Tensor> last;
  Watcher watcher;
  watcher.step = [&](const train::StepEvent&) { last = snapshot(job.model()); };
  run(job, {&watcher});
  for (const auto& [name, value] : snapshot(job.model()))
    EXPECT_TRUE(same_bytes(value, last.at(name))) << name;
}

TEST(EarlyStopping, AnObserverCanEndTheRun) {
  class Stop final : public train::Observer {
   public:
    void on_step(const train::StepEvent& e) override { stop_ = e.step == 3; }
    bool wants_stop() override { return stop_; }

   private:
    bool stop_ = false;
  } stop;
  const test::ScratchDir scratch;
  const Json summary = run(config_of("vit", scratch / "run"), {&stop});
  EXPECT_EQ(summary["status"], "early-stopped");
  EXPECT_EQ(summary["work"]["steps"], 3);
}

TEST(Ema, TheResultIsTheAverageOfTheWeights) {
  for (const char* strategy : {"full", "layer-wise"}) {
    SCOPED_TRACE(strategy);
    const test::ScratchDir scratch;
    train::Job job =
        open(with(config_of("vit", scratch / "run"),
                  {{"strategy", strategy}, {"train", {{"ema", 0.7}, {"keep", "last"}}}}));
    std::map<std::string, at::Tensor> average;
    Watcher watcher;
    std::vector<std::string> blocks;
    watcher.stage = [&](const train::StageEvent& e) { blocks = e.blocks; };
    watcher.step = [&](const train::StepEvent& e) {
      const double step = static_cast<double>(e.step - 1);
      const double decay = std::min(0.7, (1 + step) / (10 + step));
      for (const auto& p : job.model().registry().parameters) {
        const std::string block = job.model().block_name(p.block);
        if (p.is_buffer() || std::find(blocks.begin(), blocks.end(), block) == blocks.end())
          continue;
        const at::Tensor now = p.value->detach().to(at::kCPU, at::kDouble);
        at::Tensor& mean = average[p.name];
        mean = mean.defined() ? decay * mean + (1 - decay) * now : now;
      }
    };
    run(job, {&watcher});
    ASSERT_FALSE(average.empty());
    for (const auto& [name, value] : snapshot(job.model())) {
      if (!average.count(name)) continue;
      EXPECT_LT((value.to(at::kDouble) - average.at(name)).abs().max().item<double>(), 1e-6)
          << name;
    }
  }
}

/// What is evaluated is what is kept: the weights at the end score what the last evaluation said.
TEST(Ema, TheLastEvaluationIsOfTheResult) {
  for (const char* mode : {"cumulative", "single"}) {
    SCOPED_TRACE(mode);
    const test::ScratchDir scratch;
    train::Job job =
        open(with(config_of("vit", scratch / "run"),
                  {{"strategy", {{"name", "layer-wise"}, {"mode", mode}, {"decay", 1.0}}},
                   {"budget", {{"epochs", 4}}},
                   {"train", {{"ema", 0.9}, {"keep", "last"}, {"schedule", "constant"}}}}));
    run(job);
    Json last;
    for (const Json& e : events(scratch / "run", "eval")) {
      if (e["split"] == "validation") last = e;
    }
    const auto labels = job.data.validation.labels();
    const at::Tensor truth =
        at::tensor(std::vector<int64_t>(labels.begin(), labels.end()), at::kLong);
    const double now =
        at::cross_entropy_loss(logits_of(job.model(), job.data.validation), truth).item<double>();
    EXPECT_NEAR(now, last["loss"].get<double>(), 1e-5);
  }
}

class Statistics : public ::testing::TestWithParam<std::string> {};

TEST_P(Statistics, FollowThePolicy) {
  const std::string& policy = GetParam();
  for (const char* family : {"resnet_basic", "mobilenet_v2_tf"}) {
    SCOPED_TRACE(family);
    const test::ScratchDir scratch;
    train::Job job = open(
        with(config_of(family, scratch / "run"),
             {{"train", {{"batch_norm", policy}, {"keep", "last"}, {"batch", 10}, {"lr", 1e-4}}},
              {"strategy", {{"name", "top-k"}, {"k", 1}}}}));
    const int border = job.stages.back().blocks.front();
    const auto before = snapshot(job.model());
    std::map<std::string, at::Tensor> trained;
    Watcher watcher;
    watcher.step = [&](const train::StepEvent&) { trained = snapshot(job.model()); };
    run(job, {&watcher});
    int statistics = 0;
    for (const auto& p : job.model().registry().parameters) {
      if (!p.is_buffer()) continue;
      ++statistics;
      const bool moves = policy != "frozen" && p.block >= border;
      EXPECT_EQ(!same_bytes(before.at(p.name), *p.value), moves) << p.name;
      if (moves && policy == "train") {
        EXPECT_TRUE(same_bytes(trained.at(p.name), *p.value)) << p.name;
      }
      if (moves && policy == "re-estimate") {
        EXPECT_FALSE(same_bytes(trained.at(p.name), *p.value)) << p.name;
      }
    }
    EXPECT_GT(statistics, 5);
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, Statistics, ::testing::Values("frozen", "train", "re-estimate"),
                         [](const auto& p) {
                           return p.param == "re-estimate" ? "reestimate" : p.param;
                         });

/// Re-estimated statistics are those of the training photos under the final weights.
TEST(StatisticsContract, ReestimatedOnesAreTheMeanOverTheTrainingBatches) {
  const test::ScratchDir scratch;
  train::Job job = open(with(config_of("resnet_basic", scratch / "run"),
                             {{"train", {{"batch_norm", "re-estimate"}, {"batch", 30}}}}));
  run(job);
  const at::NoGradGuard no_grad;
  nn::Context context;
  nn::BatchNorm* first = job.model().registry().batch_norms.front();
  std::vector<at::Tensor> pixels;
  pixels.reserve(30);
  for (int64_t i = 0; i < 30; ++i) {
    pixels.push_back(data::load_one(job.data.train, i, job.model().preprocess()));
  }
  const at::Tensor mean = first->running_mean().clone();
  const at::Tensor variance = first->running_var().clone();
  first->use_batch_statistics(true);
  first->set_momentum(1);
  job.model().forward({"pixels", at::cat(pixels, 0).to(job.model().device())}, context);
  EXPECT_TRUE(at::allclose(mean, first->running_mean(), 1e-4, 1e-5));
  EXPECT_TRUE(at::allclose(variance, first->running_var(), 1e-4, 1e-5));
}

/// The last stage is cached, the statistics that have to be found again lie below its border.
TEST(StatisticsContract, ReestimatesBlocksThatOnlyAnEarlierStageTrained) {
  const test::ScratchDir scratch;
  const Json stages =
      Json::array({{{"train", "all"}, {"share", 0.5}}, {{"train", "head"}, {"share", 0.5}}});
  train::Job job = open(with(config_of("resnet_basic", scratch / "run"),
                             {{"strategy", {{"stages", stages}}},
                              {"cache", "memory"},
                              {"budget", {{"epochs", 4}}},
                              {"train", {{"batch_norm", "re-estimate"}}}}));
  std::map<std::string, at::Tensor> trained;
  Watcher watcher;
  watcher.step = [&](const train::StepEvent&) { trained = snapshot(job.model()); };
  run(job, {&watcher});
  for (nn::BatchNorm* norm : job.model().registry().batch_norms) {
    EXPECT_FALSE(same_bytes(norm->running_mean(), trained.at(norm->path() + ".running_mean")))
        << norm->path();
  }
}

TEST(StatisticsContract, AreNotForMethodsThatLeaveTheBase) {
  const test::ScratchDir scratch;
  for (const char* policy : {"train", "re-estimate"}) {
    EXPECT_GRAFT_ERROR(
        open(with(config_of("resnet_basic", scratch / "run"),
                  {{"method", {{"name", "lora"}, {"r", 2}}}, {"train", {{"batch_norm", policy}}}})),
        ErrorCode::usage, "batch_norm");
  }
}

TEST(RangeTest, PutsEverythingBack) {
  for (const auto& family : kFamilies) {
    for (const Json& method : {Json("none"), Json{{"name", "lora"}, {"r", 2}}, Json("norm")}) {
      SCOPED_TRACE(family + method.dump());
      const test::ScratchDir scratch;
      train::Job job =
          open(with(config_of(family, scratch / "run"),
                    {{"method", method},
                     {"augment", "light"},
                     {"train", {{"batch_norm", method == "none" ? "train" : "frozen"}}}}));
      const auto before = snapshot(job.model());
      std::vector<bool> statistics;
      for (nn::BatchNorm* norm : job.model().registry().batch_norms)
        statistics.push_back(norm->uses_batch_statistics());
      const plan::RangeTest test = plan::lr_range_test(job, 1e-5, 10, 12, 20);
      EXPECT_GE(test.steps, 2);
      const auto after = snapshot(job.model());
      ASSERT_EQ(before.size(), after.size());
      for (const auto& [name, value] : before)
        EXPECT_TRUE(same_bytes(value, after.at(name))) << name;
      for (size_t i = 0; i < statistics.size(); ++i) {
        EXPECT_EQ(job.model().registry().batch_norms[i]->uses_batch_statistics(), statistics[i]);
      }
      for (const auto& p : job.model().registry().parameters)
        EXPECT_FALSE(p.value->grad().defined()) << p.name;
    }
  }
}

/// A run after the range test is the run without it.
TEST(RangeTest, LeavesNoTraceInTraining) {
  const test::ScratchDir scratch;
  run(with(config_of("resnet_basic", scratch / "without"), {{"augment", "light"}}));
  train::Job job = open(with(config_of("resnet_basic", scratch / "with"), {{"augment", "light"}}));
  plan::lr_range_test(job, 1e-5, 1, 10, 20);
  run(job);
  EXPECT_TRUE(same_weights(scratch / "without", scratch / "with"));
}

TEST(RangeTest, FindsARateThatLearns) {
  const test::ScratchDir scratch;
  train::Job job = open(with(config_of("vit", scratch / "run"), {{"strategy", "head"}}));
  const plan::RangeTest test = plan::lr_range_test(job, 1e-5, 1, 40, 20);
  EXPECT_GT(test.lr, 1e-4);
  EXPECT_LT(test.lr, 1);
}

}  // namespace
}  // namespace graft::contract
