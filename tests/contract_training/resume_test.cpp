#include <algorithm>
#include <set>

#include "graft/base/error.h"
#include "graft/train/stop.h"
#include "tests/contract_training/stops.h"

/// A run that is stopped and resumed ends as if it had never been stopped: weights, log and metrics
/// bit for bit.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

struct Case {
  std::string name;
  std::string model;
  Json patch;
  std::vector<int64_t> stops;
};

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for.
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

class Resume : public ::testing::TestWithParam<Case> {
 protected:
  void TearDown() override { train::clear_stop_request(); }
};

TEST_P(Resume, EqualsTheUninterruptedRunBitForBit) {
  const Case& c = GetParam();
  const test::ScratchDir scratch;
  const Json whole = with(config_of(c.model, scratch / "whole"), c.patch);
  const Json pieces = with(config_of(c.model, scratch / "pieces"), c.patch);
  const Json summary = run(whole);
  const auto steps = summary["work"]["steps"].get<int64_t>();
  ASSERT_LT(c.stops.back(), steps) << "the stop would come after the end";
  execute_until_stop(pieces, c.stops.front());
  EXPECT_EQ(read_json(scratch / "pieces/summary.json")["status"], "interrupted");
  for (size_t i = 1; i < c.stops.size(); ++i) resume_until_stop(scratch / "pieces", c.stops[i]);
  train::resume(scratch / "pieces", {});
  expect_same_outcome(scratch / "whole", scratch / "pieces");
}

Json epochs(double count) {
  return {{"budget", {{"epochs", count}}}};
}

// 30 photos in batches of 8: 4 updates an epoch, evaluations after updates 4, 8, 12.
const std::vector<Case> kCases = {
    {"full_light", "vit", {{"augment", "light"}}, {1, 4, 6}},
    {"full_bn_train", "resnet_basic", {{"train", {{"batch_norm", "train"}}}}, {3, 4}},
    {"full_bn_reestimate", "resnet_basic", {{"train", {{"batch_norm", "re-estimate"}}}}, {2, 5}},
    {"full_convnext", "convnext", {{"augment", "standard"}}, {2, 4, 7}},
    {"full_dinov2_sgd", "dinov2", {{"train", {{"optimizer", "sgd"}}}, {"augment", "trivial"}}, {3}},
    {"head_cached",
     "vit",
     with(epochs(3), {{"strategy", "head"}, {"cache", "memory"}}),
     {1, 4, 10}},
    {"head_light", "vit", {{"strategy", "head"}, {"augment", "light"}}, {1, 5}},
    {"head_views",
     "vit",
     with(epochs(4), {{"strategy", "head"},
                      {"augment", "light"},
                      {"cache", "memory"},
                      {"train", {{"views", 3}}}}),
     {2, 5, 13}},
    {"top_k_cached",
     "resnet_basic",
     {{"strategy", {{"name", "top-k"}, {"k", 1}}},
      {"cache", "memory"},
      {"train", {{"batch_norm", "train"}}}},
     {1, 4, 6}},
    // Stages end after updates 4, 8, 12.
    {"layer_wise_light",
     "vit",
     with(epochs(4), {{"strategy", "layer-wise"}, {"augment", "light"}}),
     {1, 4, 5, 8, 14}},
    {"layer_wise_single_cached",
     "vit",
     with(epochs(4),
          {{"strategy", {{"name", "layer-wise"}, {"mode", "single"}}}, {"cache", "memory"}}),
     {3, 4, 5, 12}},
    {"layer_wise_ema",
     "convnext",
     with(epochs(4),
          {{"strategy", {{"name", "layer-wise"}, {"mode", "single"}}}, {"train", {{"ema", 0.9}}}}),
     {2, 4, 9}},
    {"lp_ft_light", "resnet_basic", {{"strategy", "lp-ft"}, {"augment", "light"}}, {2, 4, 5}},
    {"lp_ft_solved",
     "vit",
     {{"strategy", {{"name", "lp-ft"}, {"solver", "logistic"}}}, {"augment", "light"}},
     {1, 4, 6}},
    {"lora_light", "vit", {{"method", {{"name", "lora"}, {"r", 2}}}, {"augment", "light"}}, {1, 5}},
    {"lora_conv", "mobilenet_v2_tf", {{"method", {{"name", "lora"}, {"r", 2}}}}, {3, 4, 6}},
    {"lora_conv_resnet",
     "resnet_basic",
     {{"method", {{"name", "lora"}, {"r", 2}, {"target", "all"}}}, {"augment", "light"}},
     {3, 6}},
    {"lora_dropout", "vit", {{"method", {{"name", "lora"}, {"r", 2}, {"dropout", 0.2}}}}, {1, 5}},
    {"bitfit", "vit", {{"method", "bitfit"}, {"augment", "light"}}, {2, 6}},
    {"norm", "resnet_basic", {{"method", "norm"}, {"augment", "light"}}, {2, 6}},
    {"ema", "vit", {{"train", {{"ema", 0.9}}}, {"augment", "light"}}, {1, 4, 6}},
    {"ema_last", "resnet_basic", {{"train", {{"ema", 0.95}, {"keep", "last"}}}}, {2, 6}},
    {"accumulated",
     "vit",
     with(epochs(4), {{"updates", {{"every", 3}}}, {"augment", "light"}}),
     {1, 2, 5}},
    {"nested", "vit", with(epochs(3), {{"updates", {{"policy", "nested"}}}}), {1, 3, 6}},
    {"nested_light_accumulated",
     "mobilenet_v2_tf",
     with(epochs(3), {{"updates", {{"policy", "nested"}, {"every", 2}}}, {"augment", "light"}}),
     {1, 3}},
    {"rs2",
     "vit",
     with(epochs(4), {{"sampling", {{"rate", 0.5}, {"policy", "rs2"}}}, {"augment", "light"}}),
     {1, 2, 5}},
    {"rs2_cached",
     "vit",
     with(epochs(6), {{"sampling", {{"rate", 0.5}, {"policy", "rs2"}}},
                      {"strategy", "head"},
                      {"cache", "memory"}}),
     {1, 2, 7}},
    {"uniform_half",
     "resnet_basic",
     with(epochs(4), {{"sampling", {{"rate", 0.5}, {"policy", "uniform"}}}}),
     {3, 4}},
    {"balanced", "vit", with(epochs(3), {{"sampling", {{"balanced", true}}}}), {3, 6}},
    {"mixup", "vit", {{"train", {{"mixup", 0.4}}}}, {1, 5}},
    {"cutmix_mixup",
     "resnet_basic",
     {{"train", {{"mixup", 0.4}, {"cutmix", 1.0}}}, {"augment", "light"}},
     {2, 6}},
    {"dropout",
     "mobilenet_v2_tf",
     {{"model", {{"config", {{"classifier_dropout_prob", 0.2}}}}}, {"augment", "light"}},
     {1, 5}},
    {"dropout_head_cached",
     "mobilenet_v2_tf",
     {{"model", {{"config", {{"classifier_dropout_prob", 0.2}}}}},
      {"strategy", "head"},
      {"cache", "memory"}},
     {1, 4, 5}},
    {"drop_path", "convnext", {{"model", {{"config", {{"drop_path_rate", 0.3}}}}}}, {2, 5}},
    {"two_threads",
     "convnext",
     {{"threads", 2}, {"augment", "light"}, {"train", {{"workers", 3}}}},
     {3, 6}},
    {"bfloat16", "vit", {{"precision", "bfloat16"}, {"augment", "light"}}, {2, 5}},
    {"bfloat16_head_cached",
     "resnet_basic",
     {{"precision", "bfloat16"}, {"strategy", "head"}, {"cache", "memory"}},
     {2, 5}},
    {"class_weights_smoothed_focal",
     "vit",
     {{"train", {{"class_weights", "balanced"}, {"label_smoothing", 0.1}, {"loss", "focal"}}}},
     {3}},
    {"budget_steps", "vit", {{"budget", {{"epochs", nullptr}, {"steps", 7}}}}, {3, 6}},
    {"budget_samples", "vit", {{"budget", {{"epochs", nullptr}, {"samples", 50}}}}, {2, 5}},
    {"patience",
     "vit",
     with(epochs(6), {{"train", {{"patience", 2}, {"lr", 0}, {"head_lr", 1e-9}}}}),
     {5, 9}},
    {"everything",
     "vit",
     with(epochs(6), {{"strategy", {{"name", "layer-wise"}, {"blocks", 2}}},
                      {"method", {{"name", "lora"}, {"r", 2}}},
                      {"augment", "light"},
                      {"sampling", {{"rate", 0.8}, {"policy", "rs2"}}},
                      {"updates", {{"every", 2}, {"policy", "nested"}}},
                      {"train",
                       {{"batch", 4},
                        {"ema", 0.9},
                        {"mixup", 0.2},
                        {"label_smoothing", 0.1},
                        {"warmup", 0.1},
                        {"schedule", "cosine"},
                        {"layer_decay", 0.8}}}}),
     {1, 3, 6, 7, 12}},
};

INSTANTIATE_TEST_SUITE_P(Cases, Resume, ::testing::ValuesIn(kCases),
                         [](const auto& c) { return c.param.name; });

TEST(ResumeContract, EveryStrategyAtEveryStep) {
  for (const auto& strategy : strategies::strategies()) {
    SCOPED_TRACE(strategy.name);
    const test::ScratchDir scratch;
    const Json patch = {
        {"strategy", strategy.name}, {"augment", "light"}, {"train", {{"batch", 10}}}};
    run(with(config_of("vit", scratch / "whole"), patch));
    const Json pieces = with(config_of("vit", scratch / "pieces"), patch);
    execute_until_stop(pieces, 1);
    for (int64_t stop = 2; stop < 6; ++stop) resume_until_stop(scratch / "pieces", stop);
    train::resume(scratch / "pieces", {});
    expect_same_outcome(scratch / "whole", scratch / "pieces");
  }
}

TEST(ResumeContract, BeforeTheFirstStep) {
  for (const Json& strategy : {Json("layer-wise"), Json{{"name", "lp-ft"}, {"solver", "ridge"}}}) {
    SCOPED_TRACE(strategy.dump());
    const test::ScratchDir scratch;
    run(with(config_of("vit", scratch / "whole"), {{"strategy", strategy}}));
    const Json pieces = with(config_of("vit", scratch / "pieces"), {{"strategy", strategy}});
    train::request_stop();
    EXPECT_GRAFT_ERROR(run(pieces), ErrorCode::interrupted, "interrupted at step 0");
    EXPECT_GRAFT_ERROR(train::resume(scratch / "pieces", {}), ErrorCode::interrupted, "step 0");
    train::clear_stop_request();
    train::resume(scratch / "pieces", {});
    expect_same_outcome(scratch / "whole", scratch / "pieces");
  }
}

/// As after kill -9: the log is ahead of the newest checkpoint.
TEST(ResumeContract, AnOlderCheckpointCutsTheLogAndEndsTheSame) {
  for (const int64_t old_step : {0, 2, 4, 6}) {
    SCOPED_TRACE(old_step);
    const test::ScratchDir scratch;
    const Json patch = {{"strategy", {{"name", "lp-ft"}, {"solver", "logistic"}}},
                        {"augment", "light"},
                        {"train", {{"checkpoint_every", 2}, {"ema", 0.9}}}};
    run(with(config_of("resnet_basic", scratch / "whole"), patch));
    Watcher watcher = stopper(7);
    const fs::path folder = scratch / "pieces";
    watcher.checkpoint = [&](int64_t step, const std::string& kind) {
      if (kind != "last" || step != old_step || fs::exists(scratch / "kept")) return;
      fs::copy(folder / "checkpoints" / "last", scratch / "kept");
    };
    EXPECT_GRAFT_ERROR(run(with(config_of("resnet_basic", folder), patch), {&watcher}),
                       ErrorCode::interrupted, "interrupted at step 7");
    train::clear_stop_request();
    ASSERT_TRUE(fs::exists(scratch / "kept"));
    fs::remove_all(folder / "checkpoints" / "last");
    fs::copy(scratch / "kept", folder / "checkpoints" / "last");
    train::resume(folder, {});
    expect_same_outcome(scratch / "whole", folder);
  }
}

/// As after a power cut: the newest lines of the log never came to the disk.
TEST(ResumeContract, ALogThatLostItsEndIsSaidAndTheWeightsAreTheSame) {
  for (const int64_t lost : {int64_t{1}, int64_t{700}, int64_t{1} << 40}) {
    SCOPED_TRACE(lost);
    const test::ScratchDir scratch;
    run(config_of("vit", scratch / "whole"));
    execute_until_stop(config_of("vit", scratch / "run"), 6);
    const fs::path log = scratch / "run/log.jsonl";
    const auto size = static_cast<int64_t>(fs::file_size(log));
    fs::resize_file(log, static_cast<uintmax_t>(std::max<int64_t>(0, size - lost)));
    train::resume(scratch / "run", {});
    EXPECT_TRUE(same_weights(scratch / "whole", scratch / "run"));
    const auto said = events(scratch / "run", "warning");  // reads every line
    ASSERT_EQ(said.size(), 1U);
    EXPECT_NE(said[0]["message"].get<std::string>().find("log.jsonl lacks"), std::string::npos);
    const auto steps = events(scratch / "run", "step");
    ASSERT_GE(steps.size(), 2U);
    EXPECT_EQ(steps.back()["step"], 8);
  }
}

/// State of an observer's own comes back.
class Counter final : public train::Observer {
 public:
  int64_t count = 0;
  void on_step(const train::StepEvent&) override { ++count; }
  std::string name() const override { return "counter"; }
  Json save() const override { return {{"count", count}}; }
  void load(const Json& state) override { count = state.at("count"); }
};

TEST(ResumeContract, ObserversGetTheirStateBack) {
  const test::ScratchDir scratch;
  Counter first;
  Watcher watcher = stopper(3);
  EXPECT_GRAFT_ERROR(run(config_of("vit", scratch / "run"), {&first, &watcher}),
                     ErrorCode::interrupted, "step 3");
  train::clear_stop_request();
  Counter second;
  train::resume(scratch / "run", {&second});
  EXPECT_EQ(first.count, 3);
  EXPECT_EQ(second.count, 8);
}

TEST(ResumeContract, RefusesWhatHasEndedAndWhatIsNoRun) {
  const test::ScratchDir scratch;
  run(with(config_of("vit", scratch / "run"), {{"strategy", "head"}}));
  EXPECT_GRAFT_ERROR(train::resume(scratch / "run", {}), ErrorCode::usage, "has ended (completed)");
  EXPECT_GRAFT_ERROR(train::resume(scratch / "nothing", {}), ErrorCode::usage, "not a run folder");
}

TEST(ResumeContract, ADamagedCheckpointIsAClearError) {
  const test::ScratchDir scratch;
  execute_until_stop(config_of("vit", scratch / "run"), 2);
  const fs::path file = scratch / "run/checkpoints/last/state.safetensors";
  fs::resize_file(file, fs::file_size(file) / 2);
  EXPECT_GRAFT_ERROR(train::resume(scratch / "run", {}), ErrorCode::unreadable,
                     "state.safetensors");
}

TEST(ResumeContract, WithoutACheckpointItBeginsAgain) {
  const test::ScratchDir scratch;
  run(config_of("vit", scratch / "whole"));
  execute_until_stop(config_of("vit", scratch / "run"), 2);
  fs::remove_all(scratch / "run/checkpoints");
  train::resume(scratch / "run", {});
  expect_same_outcome(scratch / "whole", scratch / "run");
}

}  // namespace
}  // namespace graft::contract
