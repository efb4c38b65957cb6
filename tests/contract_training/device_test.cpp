#include <ATen/Context.h>

#include <cmath>

#include "graft/train/run_model.h"
#include "graft/train/stop.h"
#include "tests/contract_training/language.h"
#include "tests/contract_training/pairs.h"
#include "tests/contract_training/scenes.h"
#include "tests/contract_training/stops.h"
#include "tests/contract_training/tagged.h"
#include "tests/contract_training/texts.h"

/// A run on a GPU is the run on the CPU, but for how sums are rounded. All other contracts are held
/// to a GPU with GRAFT_TEST_DEVICE=cuda.
namespace graft::contract {
namespace {

using MakeConfig = std::function<Json(const std::filesystem::path& output)>;

struct Case {
  std::string name;
  MakeConfig config;
  Json patch = Json::object();
  /// Losses that are compared: where something is drawn at random, only the first updates are, by
  /// what they have in common.
  size_t steps = 4;
  double gap = 2e-3;
  bool repeats = true;  ///< to the last bit
};

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for.
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

const Json kLora = {{"method", {{"name", "lora"}, {"r", 4}, {"target", "all"}}}};
const Json kHead = {{"strategy", "head"}, {"cache", "memory"}};
/// Random masks differ from device to device.
const Json kNoDropout = {
    {"model", {{"config", {{"hidden_dropout_prob", 0.0}, {"attention_probs_dropout_prob", 0.0}}}}}};

Json without_dropout(Json config) {
  Json& model = config["model"];
  if (model.is_string()) model = {{"path", model}};
  return with(std::move(config), kNoDropout);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::string& family : kFamilies) {
    const MakeConfig config = [family](const auto& output) { return config_of(family, output); };
    all.push_back({family + "_full", config});
    all.push_back({family + "_lora", config, kLora});
    all.push_back({family + "_head", config, kHead});
  }
  const auto texts = [](const auto& output) { return without_dropout(text_config(output)); };
  all.push_back({"bert_full", texts});
  all.push_back({"bert_lora", texts, kLora});
  all.push_back({"bert_head", texts, kHead});
  all.push_back(
      {"bert_words", [](const auto& output) { return without_dropout(tag_config(output)); }});
  all.push_back({"bert_pairs", [](const auto& output) {
                   return without_dropout(pair_config(output, Kind::triples));
                 }});
  all.push_back({"llama_full", language_config});
  all.push_back({"llama_lora", language_config, kLora});
  all.push_back({"llama_head", language_config, kHead});
  for (const Detector& detector : detectors()) {
    // Regions and masks are drawn at random by some, and queries that are noised are left out.
    const bool noises = detector.name == "rt_detr_v2" || detector.name == "d_fine";
    const Json calm = {{"model", {{"config", {{"num_denoising", 0}}}}}};
    all.push_back({detector.name,
                   [detector](const auto& output) { return detector_config(detector, output); },
                   noises ? calm : Json::object(), 1, 0.1, detector.repeats});
  }
  return all;
}

class OnDevice : public ::testing::TestWithParam<Case> {
 protected:
  void TearDown() override { train::clear_stop_request(); }

  static Json on(const std::string& device, const std::filesystem::path& output) {
    return with(with(GetParam().config(output), GetParam().patch), {{"device", device}});
  }
};

TEST_P(OnDevice, ARunIsTheOneOnTheCpuButForRounding) {
  const test::ScratchDir scratch;
  const Json there = run(on("cuda", scratch / "cuda"));
  const Json here = run(on("cpu", scratch / "cpu"));
  EXPECT_EQ(there["work"]["steps"], here["work"]["steps"]);
  const auto losses = step_losses(scratch / "cuda");
  const auto expected = step_losses(scratch / "cpu");
  ASSERT_EQ(losses.size(), expected.size());
  for (size_t i = 0; i < std::min(GetParam().steps, losses.size()); ++i) {
    EXPECT_NEAR(losses[i], expected[i], GetParam().gap * (std::abs(expected[i]) + 1e-3))
        << "update " << i + 1;
  }
  // What it wrote is read where there is no GPU.
  train::load_run_model(scratch / "cuda");
}

TEST_P(OnDevice, InBfloat16ItLearnsAsWell) {
  const test::ScratchDir scratch;
  const Json summary = run(with(on("cuda", scratch / "half"), {{"precision", "bfloat16"}}));
  EXPECT_EQ(summary["status"], "completed");
  EXPECT_TRUE(summary["loss"].is_number());
}

TEST_P(OnDevice, AResumedRunEqualsTheUninterruptedOneBitForBit) {
  if (!GetParam().repeats) GTEST_SKIP() << "a GPU adds up as it comes here";
  const test::ScratchDir scratch;
  run(on("cuda", scratch / "whole"));
  execute_until_stop(on("cuda", scratch / "pieces"), 2);
  train::resume(scratch / "pieces", {});
  expect_same_outcome(scratch / "whole", scratch / "pieces");
}

// One test is skipped where there is no GPU, not one for each of them.
TEST(Devices, AreComparedWhereThereIsAGpu) {
  if (!at::hasCUDA()) GTEST_SKIP() << "this machine has no GPU";
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OnDevice);
INSTANTIATE_TEST_SUITE_P(Cases, OnDevice,
                         ::testing::ValuesIn(at::hasCUDA() ? cases() : std::vector<Case>()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace graft::contract
