#include <torch/types.h>

#include <algorithm>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/plan/predict.h"
#include "graft/tensor/memory.h"
#include "tests/contract_training/language.h"
#include "tests/contract_training/texts.h"

/// Blocks that run again in backward instead of keeping what they made: less memory, and not a bit
/// of difference.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

const Json kBlocks = {{"train", {{"recompute", "blocks"}}}};
const Json kLora = {{"method", {{"name", "lora"}, {"r", 2}, {"target", "all"}, {"dropout", 0.1}}}};

/// Runs `config` both ways and holds the results to each other.
void expect_equal_bits(const std::function<Json(const fs::path&)>& config) {
  const test::ScratchDir scratch;
  const Json plain = run(with(config(scratch / "plain"), {{"train", {{"recompute", "none"}}}}));
  const Json again = run(with(config(scratch / "again"), kBlocks));
  EXPECT_EQ(step_losses(scratch / "plain"), step_losses(scratch / "again"));
  EXPECT_TRUE(same_weights(scratch / "plain", scratch / "again"));
  EXPECT_GT(again["work"]["flops"].get<double>(), 1.02 * plain["work"]["flops"].get<double>());
}

TEST(Recompute, GivesTheSameBitsForPictures) {
  for (const auto& family : kFamilies) {
    for (const Json& patch : {Json{{"train", {{"batch_norm", "train"}}}}, kLora,
                              Json{{"strategy", "layer-wise"}, {"updates", {{"every", 2}}}},
                              Json{{"updates", {{"policy", "nested"}}}, {"augment", "light"}}}) {
      SCOPED_TRACE(family + " " + patch.dump());
      expect_equal_bits([&](const fs::path& out) { return with(config_of(family, out), patch); });
    }
  }
}

TEST(Recompute, GivesTheSameBitsForTexts) {
  for (const Json& patch :
       {Json::object(), kLora, Json{{"strategy", {{"name", "top-k"}, {"k", 2}}}},
        Json{{"train", {{"mixup", 0.4}}}}, Json{{"precision", "bfloat16"}}}) {
    SCOPED_TRACE(patch.dump());
    expect_equal_bits([&](const fs::path& out) { return with(text_config(out), patch); });
  }
}

TEST(Recompute, GivesTheSameBitsWhereBlocksShareAMatrix) {
  // The table of relative positions is read by every layer, the embedding by the head.
  Json deberta = tiny_bert();
  deberta["model_type"] = "deberta-v2";
  deberta["relative_attention"] = true;
  deberta["pos_att_type"] = "c2p|p2c";
  deberta["position_buckets"] = 8;
  deberta["share_att_key"] = true;
  deberta["norm_rel_ebd"] = "layer_norm";
  const Json model = {
      {"config", deberta}, {"init", "random"}, {"tokenizer", word_piece().string()}};
  expect_equal_bits([&](const fs::path& out) {
    Json config = text_config(out);
    config["model"] = model;
    config["updates"] = {{"every", 2}};
    return config;
  });
  for (const Json& patch :
       {Json{{"updates", {{"every", 2}}}},
        Json{{"method", {{"name", "lora"}, {"target", {"embed_tokens", "q_proj"}}}}}}) {
    SCOPED_TRACE(patch.dump());
    expect_equal_bits([&](const fs::path& out) { return with(language_config(out), patch); });
  }
}

/// Most bytes of tensors alive in the updates of a run, over those before.
int64_t peak_of(const Json& config) {
  train::Job job = open(config);
  Watcher watcher;
  int64_t peak = 0;
  watcher.step = [&](const train::StepEvent&) {
    peak = std::max(peak, peak_tensor_bytes());
    reset_peak_tensor_bytes();
  };
  const int64_t before = live_tensor_bytes();
  reset_peak_tensor_bytes();
  run(job, {&watcher});
  return peak - before;
}

TEST(Recompute, TakesLessMemory) {
  if (device() != "cpu") GTEST_SKIP() << "beside cuBLAS's own memory so small a model is nothing";
  install_counting_allocator();
  const auto peak = [](const Json& patch) {
    const test::ScratchDir scratch;
    const Json large = {{"method", {{"name", "lora"}, {"r", 2}}},
                        {"model", {{"image_size", 96}}},
                        {"train", {{"batch", 16}}},
                        {"budget", {{"epochs", nullptr}, {"steps", 2}}}};
    return peak_of(with(with(config_of("dinov2", scratch / "run"), large), patch));
  };
  const int64_t plain = peak({{"train", {{"recompute", "none"}}}});
  const int64_t again = peak(kBlocks);
  EXPECT_LT(static_cast<double>(again), 0.75 * static_cast<double>(plain));
}

struct Planned {
  std::string recompute;  ///< as decided; empty where no plan fits
  bool said = false;      ///< in the decisions
  int64_t needed = 0;     ///< bytes, where no plan fits
};

/// What a plan makes of train.recompute under a limit on memory.
Planned planned(int64_t memory, const std::string& recompute) {
  const Json large = {{"model", {{"image_size", 112}}},
                      {"train", {{"batch", 256}, {"recompute", recompute}}},
                      {"budget", {{"memory", std::to_string(memory)}}}};
  train::Job job = train::open_job(train::make_config(with(config_of("dinov2", "unused"), large)));
  train::PlanFacts facts;
  Planned planned;
  try {
    const plan::Allowance allowance(seconds_since_process_start() + 60);
    plan::fit_memory(job, facts, true, {allowance, {}, {}});
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::no_plan) << e.what();
    const std::string text = e.what();
    const std::string before = "needs about ";
    const size_t begin = text.find(before) + before.size();
    planned.needed = parse_bytes(text.substr(begin, text.find(';', begin) - begin), "the error");
    return planned;
  }
  planned.said = std::any_of(facts.decisions.begin(), facts.decisions.end(),
                             [](const Json& d) { return d["what"] == "train.recompute"; });
  planned.recompute = job.config.at("train", "recompute").get<std::string>();
  return planned;
}

TEST(RecomputePlan, IsChosenWhereNothingElseFitsTheMemory) {
  install_counting_allocator();
  const int64_t plain = planned(1 << 20, "none").needed;
  const int64_t again = planned(1 << 20, "blocks").needed;
  EXPECT_NEAR(planned(1 << 20, "auto").needed, again, 8 << 20)
      << "the last resort is too much, too";
  ASSERT_LT(again + (16 << 20), plain);
  const Planned between = planned((plain + again) / 2, "auto");
  EXPECT_EQ(between.recompute, "blocks");
  EXPECT_TRUE(between.said);
  const Planned roomy = planned(2 * plain, "auto");
  EXPECT_EQ(roomy.recompute, "auto") << "as it is: there is no need";
  EXPECT_FALSE(roomy.said);
  EXPECT_EQ(planned((plain + again) / 2, "none").recompute, "") << "it was ruled out";
}

}  // namespace
}  // namespace graft::contract
