#include <algorithm>

#include "graft/base/error.h"
#include "graft/train/epoch.h"
#include "tests/contract_training/language.h"
#include "tests/contract_training/stops.h"
#include "tests/contract_training/texts.h"

/// train.batch_tokens: micro-batches of texts of similar length with so many tokens at most.
namespace graft::contract {
namespace {

const Json kTokens = {{"train", {{"batch_tokens", 60}}}};

TEST(TokenBatches, ResumeBitForBit) {
  const std::vector<std::pair<const char*, Json>> cases = {
      {"texts", Json::object()},
      {"accumulated", {{"updates", {{"every", 3}}}, {"budget", {{"epochs", 6}}}}},
      {"half", {{"sampling", {{"rate", 0.5}, {"policy", "rs2"}}}, {"budget", {{"epochs", 4}}}}},
      {"augmented", {{"augment", {{{"random_deletion", {{"p", 0.2}}}}}}}},
      {"cached", {{"strategy", "head"}, {"cache", "memory"}}}};
  for (const auto& [name, patch] : cases) {
    SCOPED_TRACE(name);
    const test::ScratchDir scratch;
    const Json both = with(kTokens, patch);
    run(with(text_config(scratch / "whole"), both));
    execute_until_stop(with(text_config(scratch / "pieces"), both), 2);
    resume_until_stop(scratch / "pieces", 4);
    train::resume(scratch / "pieces", {});
    expect_same_outcome(scratch / "whole", scratch / "pieces");
  }
  const test::ScratchDir scratch;
  run(with(language_config(scratch / "whole"), kTokens));
  execute_until_stop(with(language_config(scratch / "pieces"), kTokens), 3);
  train::resume(scratch / "pieces", {});
  expect_same_outcome(scratch / "whole", scratch / "pieces");
}

TEST(TokenBatches, HoldTheirTokensAndEpochsEndWhereTheySay) {
  const test::ScratchDir scratch;
  train::Job job = open(with(text_config(scratch / "run"), kTokens));
  const std::vector<int64_t> lengths = job.inputs->lengths(job.data.train);
  int64_t updates = 0;
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    const data::BatchOrder batches = train::epoch_batches(job, epoch);
    updates += batches.batches();
    for (int64_t b = 0; b < batches.batches(); ++b) {
      int64_t sum = 0;
      for (int64_t i = batches.begin(b); i < batches.end(b); ++i)
        sum += lengths[static_cast<size_t>(batches.order[static_cast<size_t>(i)])];
      EXPECT_TRUE(sum <= 60 || batches.end(b) - batches.begin(b) == 1) << sum;
    }
  }
  EXPECT_GT(updates, 4);
  const Json summary = run(job);  // two epochs
  EXPECT_EQ(summary["work"]["steps"], updates);
  EXPECT_EQ(summary["work"]["samples_forward"], 2 * 36);
  EXPECT_EQ(summary["epochs"], 2);
}

TEST(TokenBatches, AreOfTexts) {
  const test::ScratchDir scratch;
  EXPECT_GRAFT_ERROR(open(with(config_of("vit", scratch / "run"), kTokens)), ErrorCode::usage,
                     "train.batch_tokens divides texts");
}

}  // namespace
}  // namespace graft::contract
