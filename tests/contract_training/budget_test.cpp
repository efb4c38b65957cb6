#include <torch/types.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/train/stop.h"
#include "tests/contract_training/fixture.h"

/// Budgets are never exceeded; what the clock decided can be replayed.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

Json budget(Json values) {
  if (!values.contains("epochs")) values["epochs"] = nullptr;
  return {{"budget", values}};
}

int64_t samples_of(const fs::path& run) {
  int64_t sum = 0;
  for (const Json& e : events(run, "step")) sum += e["samples"].get<int64_t>();
  return sum;
}

TEST(Budget, Steps) {
  for (const int steps : {1, 5, 9}) {
    const test::ScratchDir scratch;
    const Json summary = run(with(config_of("vit", scratch / "run"), budget({{"steps", steps}})));
    EXPECT_EQ(summary["work"]["steps"], steps);
    EXPECT_EQ(events(scratch / "run", "step").size(), static_cast<size_t>(steps));
    EXPECT_EQ(summary["status"], "completed");
  }
}

TEST(Budget, EpochsWholeAndBroken) {
  // 30 photos in batches of 8: 4 updates an epoch.
  for (const auto& [epochs, steps] :
       std::vector<std::pair<double, int>>{{1, 4}, {3, 12}, {0.5, 1}, {1.7, 6}}) {
    const test::ScratchDir scratch;
    const Json summary = run(with(config_of("vit", scratch / "run"), budget({{"epochs", epochs}})));
    EXPECT_EQ(summary["work"]["steps"], steps);
    EXPECT_LE(summary["epochs"].get<double>(), epochs + 1e-9);
  }
}

TEST(Budget, SamplesAreNeverExceeded) {
  for (const int batch : {8, 7, 30, 32}) {
    for (const int samples : {32, 33, 59, 60, 61, 97}) {
      SCOPED_TRACE(fmt::format("batch {}, samples {}", batch, samples));
      const test::ScratchDir scratch;
      const Json summary = run(
          with(config_of("vit", scratch / "run"),
               with(budget({{"samples", samples}}),
                    {{"strategy", "head"}, {"cache", "memory"}, {"train", {{"batch", batch}}}})));
      EXPECT_LE(samples_of(scratch / "run"), samples);
      EXPECT_EQ(summary["work"]["samples_forward"], samples_of(scratch / "run"));
      EXPECT_GT(samples_of(scratch / "run"), samples - std::min(batch, 30)) << "stops too early";
    }
  }
}

TEST(Budget, TooSmallForOneUpdateIsNoPlan) {
  const test::ScratchDir scratch;
  const Json config = config_of("vit", scratch / "run");
  EXPECT_GRAFT_ERROR(run(with(config, budget({{"samples", 7}}))), ErrorCode::no_plan, "one update");
  EXPECT_GRAFT_ERROR(run(with(config, with(budget({{"epochs", 0.2}}), {{"overwrite", true}}))),
                     ErrorCode::no_plan, "one update");
}

TEST(Budget, TheTightestCounts) {
  const test::ScratchDir scratch;
  EXPECT_EQ(run(with(config_of("vit", scratch / "a"),
                     budget({{"epochs", 3}, {"steps", 5}, {"samples", 100}})))["work"]["steps"],
            5);
  EXPECT_EQ(run(with(config_of("vit", scratch / "b"),
                     budget({{"epochs", 1}, {"steps", 50}, {"samples", 100}})))["work"]["steps"],
            4);
  EXPECT_EQ(run(with(config_of("vit", scratch / "c"),
                     budget({{"epochs", 5}, {"steps", 50}, {"samples", 17}})))["work"]["steps"],
            2);
}

TEST(Budget, TheRateFallsOverTheBudgetAndStagesShareIt) {
  const test::ScratchDir scratch;
  run(with(config_of("vit", scratch / "run"),
           with(budget({{"steps", 10}}),
                {{"strategy", {{"name", "lp-ft"}, {"share", 0.3}, {"rate", 0.5}}}})));
  const auto steps = events(scratch / "run", "step");
  for (size_t i = 0; i < steps.size(); ++i) {
    const double progress = static_cast<double>(i) / 10;
    EXPECT_DOUBLE_EQ(steps[i]["progress"].get<double>(), progress);
    EXPECT_NEAR(steps[i]["lr"].get<double>(), 0.01 * (i < 3 ? 1 : 0.5) * (1 - progress), 1e-12);
    EXPECT_EQ(steps[i]["stage"], i < 3 ? 0 : 1);
  }
}

/// The clock counts from process start, so the limit is set from now.
Json seconds_from_now(double seconds) {
  return budget({{"time", fmt::format("{:.3f}s", seconds_since_process_start() + seconds)}});
}

struct Timed {
  const char* name;
  Json patch;
};

class TimeBudget : public ::testing::TestWithParam<Timed> {};

TEST_P(TimeBudget, IsKeptAndReplayedBitForBit) {
  constexpr double kSeconds = 2.5;
  const test::ScratchDir scratch;
  const double begin = seconds_since_process_start();
  const Json limit = seconds_from_now(kSeconds);
  const Json common = with(config_of("vit", scratch / "timed"), GetParam().patch);
  const Json summary = run(with(common, limit));
  const double spent = seconds_since_process_start() - begin;
  EXPECT_LE(spent, kSeconds);
  EXPECT_GT(spent, 0.4 * kSeconds) << "most of the time was left";
  EXPECT_EQ(summary["status"], "deadline");
  const auto steps = events(scratch / "timed", "step");
  ASSERT_GT(steps.size(), 8U);
  EXPECT_LT(steps.back()["lr"].get<double>(), 0.35 * steps.front()["lr"].get<double>())
      << "the rate falls over the elapsed time";

  const Json again =
      run(with(with(common, budget({{"replay", (scratch / "timed").string()}, {"epochs", 1000}})),
               {{"output", (scratch / "replayed").string()}}));
  EXPECT_TRUE(same_weights(scratch / "timed", scratch / "replayed"));
  const auto repeated = events(scratch / "replayed", "step");
  ASSERT_EQ(steps.size(), repeated.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    for (const char* key : {"loss", "lr", "stage", "progress", "samples"}) {
      ASSERT_EQ(steps[i][key].dump(), repeated[i][key].dump()) << key << " of step " << i + 1;
    }
  }
  EXPECT_EQ(summary["metric"]["value"], again["metric"]["value"]);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, TimeBudget,
    ::testing::Values(
        Timed{"full", {{"augment", "light"}, {"train", {{"optimizer", "sgd"}, {"lr", 0.005}}}}},
        Timed{"layer_wise_cached",
              {{"strategy", "layer-wise"}, {"cache", "auto"}, {"train", {{"ema", 0.9}}}}}),
    [](const auto& c) { return c.param.name; });

TEST(TimeBudgetContract, AReplayCachesWhatTheTimedRunCached) {
  // Fewer than two passes are replayed; the timed run could not know that and filled its cache.
  const test::ScratchDir scratch;
  const Json common =
      with(config_of("vit", scratch / "timed"), {{"strategy", "head"}, {"cache", "auto"}});
  train::Job job = open(with(common, seconds_from_now(20)));
  class Stop final : public train::Observer {
   public:
    void on_step(const train::StepEvent& e) override { done_ = e.step >= 5; }
    bool wants_stop() override { return done_; }

   private:
    bool done_ = false;
  } stop;
  run(job, {&stop});
  run(with(with(common, with(seconds_from_now(20),
                             {{"budget", {{"replay", (scratch / "timed").string()}}}})),
           {{"output", (scratch / "replayed").string()}}));
  EXPECT_EQ(events(scratch / "timed", "stage")[0]["cached"], true);
  EXPECT_EQ(events(scratch / "replayed", "stage")[0]["cached"], true);
  EXPECT_EQ(events(scratch / "replayed", "step").size(), 5U);
  EXPECT_TRUE(same_weights(scratch / "timed", scratch / "replayed"));
}

TEST(TimeBudgetContract, AReplayDoesWhatPatienceDid) {
  const test::ScratchDir scratch;
  const Json common = with(
      config_of("vit", scratch / "timed"),
      {{"strategy", "head"}, {"cache", "memory"}, {"train", {{"patience", 2}, {"head_lr", 1e-9}}}});
  const Json summary = run(with(common, seconds_from_now(4)));
  EXPECT_EQ(summary["status"], "early-stopped");
  run(with(with(common, budget({{"replay", (scratch / "timed").string()}, {"steps", 100000}})),
           {{"output", (scratch / "replayed").string()}}));
  EXPECT_TRUE(same_weights(scratch / "timed", scratch / "replayed"));
}

TEST(TimeBudgetContract, TimeThatIsOverStillGivesAResultOrSaysSo) {
  const test::ScratchDir scratch;
  const Json patch =
      with(seconds_from_now(1.5), {{"strategy", {{"name", "head"}, {"solver", "ridge"}}}});
  const double begin = seconds_since_process_start();
  const Json summary = run(with(config_of("vit", scratch / "run"), patch));
  EXPECT_LE(seconds_since_process_start() - begin, 1.5);
  EXPECT_TRUE(summary["metric"]["value"].is_number());
}

/// Pictures of one colour a class; of the validation part the second half is labelled wrong. After
/// the first evaluation its first picture takes until `until`.
class SlowSource final : public data::Source {
 public:
  static constexpr int64_t kTrain = 30, kValidation = 64;
  SlowSource(const std::atomic<bool>& slow, double until) : slow_(slow), until_(until) {
    for (int64_t i = 0; i < size(); ++i) {
      const bool wrong = i >= kTrain + kValidation / 2;
      samples_.push_back({fmt::format("picture {}", i), {static_cast<int>((i + wrong) % 3)}});
      splits.push_back(i < kTrain ? data::Split::train : data::Split::validation);
    }
  }
  int64_t size() const override { return kTrain + kValidation; }
  const data::Sample& sample(int64_t i) const override { return samples_[static_cast<size_t>(i)]; }
  image::Image load(int64_t i) const override {
    while (i == kTrain && slow_ && seconds_since_process_start() < until_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return {32, 32, static_cast<uint8_t>(60 + 70 * (i % 3))};
  }
  std::vector<data::Split> splits;

 private:
  const std::atomic<bool>& slow_;
  double until_;
  std::vector<data::Sample> samples_;
};

TEST(TimeBudgetContract, AnEvaluationThatTheClockCutIsNotTheBest) {
  const test::ScratchDir scratch;
  std::atomic<bool> slow = false;
  const double limit = seconds_since_process_start() + 4;
  const auto source = std::make_shared<SlowSource>(slow, limit - 0.2);
  const Json config = with(config_of("vit", scratch / "run"),
                           with(budget({{"time", fmt::format("{:.3f}s", limit)}}),
                                {{"train", {{"image_cache", "none"}, {"eval_every", 0.1}}}}));
  train::Job job = train::open_job(train::make_config(config),
                                   data::make_dataset(source, {"a", "b", "c"}, source->splits,
                                                      Target::single_label, {.test = 0}, 1));
  train::prepare(job);
  Watcher watcher;
  watcher.evaluation = [&](const train::EvaluationEvent&) { slow = true; };
  run(job, {&watcher});
  bool cut = false;
  for (const Json& e : events(scratch / "run", "eval")) {
    const double accuracy = e["metrics"]["accuracy"]["value"];
    cut = cut || accuracy > 0.8;
    if (e["best"] == true) {
      EXPECT_LT(accuracy, 0.8) << "half of the labels are wrong";
    }
  }
  EXPECT_TRUE(cut) << "the clock should have cut one evaluation to its first half";
}

TEST(MemoryBudget, StopsWithACheckpointAndSaysSo) {
  const test::ScratchDir scratch;
  const Json config = with(config_of("vit", scratch / "run"), {{"budget", {{"memory", "20MiB"}}}});
  EXPECT_GRAFT_ERROR(run(config), ErrorCode::no_plan, "budget.memory");
  EXPECT_TRUE(fs::exists(scratch / "run/checkpoints/last/state.safetensors"));
  EXPECT_EQ(read_json(scratch / "run/summary.json")["status"], "interrupted");
  // With more room it goes on.
  Json values = read_yaml(scratch / "run/config.yaml");
  values["budget"]["memory"] = "64GiB";
  test::write_text(scratch / "run/config.yaml", to_yaml(values));
  EXPECT_EQ(train::resume(scratch / "run", {})["status"], "completed");
}

}  // namespace
}  // namespace graft::contract
