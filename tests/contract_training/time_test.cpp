#include <chrono>
#include <map>
#include <thread>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/plan/plan.h"
#include "graft/train/deadline.h"
#include "graft/train/pace.h"
#include "tests/contract_training/fixture.h"

/// What is done about a time that is short: planning is bounded, caches and measures are cut
/// fairly, a solved head is paid for.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

std::string from_now(double seconds) {
  return fmt::format("{:.3f}s", seconds_since_process_start() + seconds);
}

TEST(Pace, AsksForMoreThanTheSlowestBatch) {
  train::Pace pace(0.5);
  EXPECT_EQ(pace.sample_s(), 0.5);
  EXPECT_EQ(pace.next_batch_s(1), 0) << "the first batch may always begin";
  pace.record(10, 9, 1);
  EXPECT_DOUBLE_EQ(pace.sample_s(), 0.5) << "the first says little";
  EXPECT_DOUBLE_EQ(pace.next_batch_s(1), 9);
  pace.record(10, 1, 0.5);  // as if 2 s through all of the network
  EXPECT_DOUBLE_EQ(pace.sample_s(), 0.2);
  EXPECT_DOUBLE_EQ(pace.next_batch_s(1), 3);
  EXPECT_DOUBLE_EQ(pace.next_batch_s(0.5), 1.5);
  for (int i = 0; i < 60; ++i) pace.record(10, 0.1, 1);
  EXPECT_DOUBLE_EQ(pace.sample_s(), 0.01);
  EXPECT_NEAR(pace.next_batch_s(1), 0.15, 1e-9) << "one hiccup is forgotten";
}

TEST(Deadline, AsksItsReserveAnewAndCanEndEarlier) {
  train::Deadline deadline(seconds_since_process_start() + 100);
  double reserve = 10;
  deadline.reserve([&reserve] { return reserve; });
  EXPECT_NEAR(deadline.left(), 90, 1);
  reserve = 60;
  EXPECT_NEAR(deadline.left(), 40, 1);
  EXPECT_NEAR(deadline.earlier(15).left(), 25, 1);
  EXPECT_FALSE(train::Deadline(std::nullopt).earlier(5).limited());
}

TEST(Deadline, ASlowFirstStepDoesNotEndTheStage) {
  train::Deadline deadline(seconds_since_process_start() + 100);
  deadline.expect_step(40);
  EXPECT_TRUE(deadline.fits_step());
  deadline.expect_step(60);
  EXPECT_FALSE(deadline.fits_step()) << "the first step may take twice what is expected";
  deadline.expect_step(10);
  deadline.record_step(90);
  EXPECT_TRUE(deadline.fits_step());
  deadline.record_step(2);
  EXPECT_EQ(deadline.slowest_step(), 2);
  EXPECT_TRUE(deadline.fits_step());
}

/// Pictures of one colour a class, the classes one after the other; each takes its time to read.
class SlowPictures final : public data::Source {
 public:
  static constexpr int64_t kTrain = 300, kOther = 30;
  explicit SlowPictures(double seconds) : seconds_(seconds) {
    for (const auto& [split, count] : {std::pair{data::Split::train, kTrain},
                                       {data::Split::validation, kOther},
                                       {data::Split::test, kOther}}) {
      for (int64_t i = 0; i < count; ++i) {
        samples_.push_back({fmt::format("picture {}", size()), {static_cast<int>(3 * i / count)}});
        splits.push_back(split);
      }
    }
  }
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  const data::Sample& sample(int64_t i) const override { return samples_[static_cast<size_t>(i)]; }
  image::Image load(int64_t i) const override {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds_));
    return {32, 32, static_cast<uint8_t>(60 + 70 * samples_[static_cast<size_t>(i)].labels[0])};
  }
  std::vector<data::Split> splits;

 private:
  double seconds_;
  std::vector<data::Sample> samples_;
};

data::Dataset slow_data(double seconds) {
  const auto source = std::make_shared<SlowPictures>(seconds);
  return data::make_dataset(source, {"a", "b", "c"}, source->splits, Target::single_label, {}, 1);
}

Json run_slow(const Json& config, double seconds) {
  train::Job job = train::open_job(train::make_config(config), slow_data(seconds));
  train::prepare(job);
  return run(job);
}

TEST(ShortTime, TrainsAndMeasuresAFairPart) {
  // All 360 pictures take 7 s to read; there are 3.
  for (const Json& strategy : {Json{{"name", "head"}, {"solver", "ridge"}}, Json("head")}) {
    SCOPED_TRACE(strategy.dump());
    const test::ScratchDir scratch;
    const double begin = seconds_since_process_start();
    const Json config = with(config_of("vit", scratch / "run"),
                             {{"budget", {{"epochs", nullptr}, {"time", from_now(3)}}},
                              {"strategy", strategy},
                              {"cache", "auto"},
                              {"train", {{"image_cache", "none"}}}});
    const Json summary = run_slow(config, 0.02);
    EXPECT_LE(seconds_since_process_start() - begin, 3);
    EXPECT_EQ(summary["status"], "deadline");
    EXPECT_GT(summary["metric"]["value"].get<double>(), 0.6)
        << "every class should have been learned and measured";
    EXPECT_EQ(summary["per_class"].size(), 3U);
    const Json stage = events(scratch / "run", "stage")[0];
    ASSERT_TRUE(stage.contains("kept")) << stage.dump();
    EXPECT_GT(stage["kept"]["samples"].get<int64_t>(), 7);
    EXPECT_LT(stage["kept"]["samples"].get<int64_t>(), SlowPictures::kTrain);
    for (const Json& line : summary["per_class"]) EXPECT_GT(line["count"].get<int64_t>(), 0);
  }
}

TEST(ShortTime, ACutCacheIsReplayed) {
  const test::ScratchDir scratch;
  const Json common = with(config_of("vit", scratch / "timed"),
                           {{"strategy", "head"},
                            {"cache", "auto"},
                            {"train", {{"image_cache", "none"}, {"workers", 1}}}});
  run_slow(with(common, {{"budget", {{"epochs", nullptr}, {"time", from_now(3)}}}}), 0.01);
  ASSERT_TRUE(events(scratch / "timed", "stage")[0].contains("kept"));
  run_slow(with(common, {{"budget", {{"replay", (scratch / "timed").string()}}},
                         {"output", (scratch / "replayed").string()}}),
           0);
  EXPECT_TRUE(same_weights(scratch / "timed", scratch / "replayed"));
}

TEST(ShortTime, NoTimeForAResultLeavesNothingBehind) {
  const test::ScratchDir scratch;
  const Json config = with(config_of("vit", scratch / "run"),
                           {{"budget", {{"epochs", nullptr}, {"time", from_now(0.02)}}},
                            {"strategy", {{"name", "head"}, {"solver", "ridge"}}}});
  // Opening the model alone takes longer, however quick the machine is.
  EXPECT_GRAFT_ERROR(run_slow(config, 0.05), ErrorCode::no_plan, "time budget ended");
  EXPECT_FALSE(fs::exists(scratch / "run/config.yaml"));
  EXPECT_FALSE(fs::exists(scratch / "run/summary.json"));
}

TEST(SolvedHead, PaysForItsPassFromTheSamples) {
  const test::ScratchDir scratch;
  const Json none = Json::object();
  const Json solved = {{"strategy", {{"name", "head"}, {"solver", "ridge"}}}, {"cache", "auto"}};
  const auto config = [&](const char* name, const Json& budget, const Json& more) {
    return with(with(config_of("vit", scratch / name), with(solved, more)), {{"budget", budget}});
  };
  const Json whole = run(config("a", {{"epochs", nullptr}, {"samples", 30}}, none));
  EXPECT_EQ(whole["work"]["samples_forward"], 30);
  EXPECT_GRAFT_ERROR(run(config("b", {{"epochs", nullptr}, {"samples", 29}}, none)),
                     ErrorCode::no_plan, "budget.samples=29");
  EXPECT_GRAFT_ERROR(run(config("b", {{"epochs", 0.5}}, none)), ErrorCode::no_plan,
                     "budget.epochs");
  EXPECT_FALSE(fs::exists(scratch / "b")) << "refused before anything is written";
  // Of half an epoch's samples it reads half, kept in a cache or not.
  for (const char* cache : {"none", "auto"}) {
    const Json half = run(config(cache, {{"epochs", nullptr}, {"samples", 15}},
                                 {{"sampling", {{"rate", 0.5}}}, {"cache", cache}}));
    EXPECT_EQ(half["work"]["samples_forward"], 15) << cache;
  }
  // What is left pays for updates.
  const Json both = run(config("c", {{"epochs", nullptr}, {"samples", 30 + 17}},
                               {{"strategy", {{"name", "lp-ft"}}}}));
  EXPECT_EQ(both["work"]["steps"], 2);
  EXPECT_EQ(both["work"]["samples_forward"], 30 + 16);
}

TEST(Planning, TakesAFewSecondsBesideASmallRun) {
  // A range test alone would read 40 batches: 13 s and more.
  const test::ScratchDir scratch;
  Json config = with(config_of("vit", scratch / "run"),
                     {{"plan", "auto"},
                      {"train", {{"lr", "auto"}, {"head_lr", "auto"}, {"image_cache", "none"}}}});
  const double begin = seconds_since_process_start();
  const plan::Planned planned = plan::make_plan(train::make_config(config), slow_data(0.04));
  EXPECT_LT(seconds_since_process_start() - begin, 7);
  EXPECT_GT(planned.job.forward_s, 0);
}

TEST(Planning, EndsWithItsShareOfTheTime) {
  // The share is over: nothing is tried any more, and what can be said is said.
  const test::ScratchDir scratch;
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  Json config =
      with(config_of("vit", scratch / "run"), {{"plan", "auto"},
                                               {"strategy", "full"},
                                               {"budget", {{"time", from_now(0.2)}}},
                                               {"train", {{"lr", "auto"}, {"head_lr", "auto"}}}});
  const double begin = seconds_since_process_start();
  const plan::Planned planned = plan::make_plan(train::make_config(config), slow_data(0.01));
  EXPECT_LT(seconds_since_process_start() - begin, 0.5);
  EXPECT_TRUE(planned.facts.predicted["step_s"].is_number());
  EXPECT_TRUE(planned.facts.predicted["peak_tensor_bytes"].is_null()) << "it was not tried";
}

}  // namespace
}  // namespace graft::contract
