#include <gtest/gtest.h>
#include <torch/types.h>

#include <fstream>
#include <map>

#include "graft/base/error.h"
#include "graft/base/units.h"

#include "graft/plan/plan.h"
#include "graft/tensor/memory.h"
#include "tests/contract_training/language.h"
#include "tests/contract_training/stops.h"

/// Texts that begin alike are computed once up to where they part (train.share_prefixes): what is
/// learned stays the same, work is saved, and what a cache holds is as it was.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

const Json kAdapters = {{"method", {{"name", "lora"}, {"r", 4}, {"target", "all"}}}};

constexpr int kLayers = 5;  // of stories260K

/// Both answers of a question, and questions that all begin alike.
const fs::path& answers() {
  static const test::ScratchDir scratch;
  static const fs::path folder = [] {
    for (const char* split : {"train", "validation", "test"}) {
      std::ofstream file(scratch / (std::string(split) + ".jsonl"));
      for (int i = 0; i < 16; ++i) {
        file << Json{{"prompt", fmt::format("Tell me now what is {}? ", i)},
                     {"chosen", fmt::format("It is {}.", i)},
                     {"rejected", "I will not say."}}
                    .dump()
             << "\n";
      }
    }
    return scratch.path();
  }();
  return folder;
}

/// A few steps of plain gradient descent, so that a difference stays as small as it is.
Json few_steps(const Json& config) {
  return with(config, {{"train", {{"batch", 8}, {"optimizer", "sgd"}, {"clip", 0}}},
                       {"budget", {{"epochs", nullptr}, {"steps", 3}}}});
}

Json not_shared(const Json& config) {
  return with(config, {{"train", {{"share_prefixes", false}}}});
}

struct Outcome {
  std::vector<double> losses;
  Json work;
  double measured = 0;  ///< the loss of the test split
  at::Tensor weight;
};

Outcome outcome_of(const Json& config) {
  train::Job job = open(config);
  run(job);
  const fs::path folder = config["output"].get<std::string>();
  const auto* weight = job.model().registry().find("model.layers.2.mlp.up_proj.weight");
  const Json summary = read_json(folder / "summary.json");
  return {step_losses(folder), summary["work"], summary["metrics"]["loss"]["value"].get<double>(),
          weight->value->clone()};
}

void expect_same_learning(const Json& config) {
  const Outcome whole = outcome_of(not_shared(config));
  const Outcome shared = outcome_of(config);
  EXPECT_EQ(whole.work["shared_tokens"], 0);
  EXPECT_GT(shared.work["shared_tokens"].get<int64_t>(), shared.work["tokens"].get<int64_t>() / 8);
  EXPECT_EQ(shared.work["tokens"], whole.work["tokens"]);
  EXPECT_EQ(shared.work["learned_tokens"], whole.work["learned_tokens"]);
  EXPECT_LT(shared.work["flops"].get<double>(), 0.95 * whole.work["flops"].get<double>());
  const auto measuring = [](const Outcome& o) { return o.work["evaluation_flops"].get<double>(); };
  EXPECT_LT(measuring(shared), 0.95 * measuring(whole));
  EXPECT_NEAR(shared.measured, whole.measured, 1e-5);
  EXPECT_LT((shared.weight - whole.weight).abs().max().item<double>(), 1e-6);
  ASSERT_EQ(shared.losses.size(), whole.losses.size());
  for (size_t i = 0; i < whole.losses.size(); ++i)
    EXPECT_NEAR(shared.losses[i], whole.losses[i], 1e-5) << "step " << i;
}

TEST(SharePrefixes, RecordsLearnTheSameWithLessWork) {
  const test::ScratchDir scratch;
  expect_same_learning(with(few_steps(language_config(scratch / "full")), {{"overwrite", true}}));
  expect_same_learning(with(few_steps(with(language_config(scratch / "again"), kAdapters)),
                            {{"overwrite", true}, {"train", {{"recompute", "blocks"}}}}));
}

TEST(SharePrefixes, AnswersThatAreComparedShareTheirQuestion) {
  const test::ScratchDir scratch;
  const Json config = with(few_steps(language_config(scratch / "run")),
                           {{"data", answers().string()},
                            {"metric", "loss"},
                            {"overwrite", true},
                            {"train", {{"loss", "dpo"}, {"batch", 4}}}});
  expect_same_learning(config);
}

TEST(SharePrefixes, ARunGoesOnBitForBit) {
  const test::ScratchDir scratch;
  const auto config = [&](const std::string& name) {
    return with(with(language_config(scratch / name), kAdapters),
                {{"method", {{"name", "lora"}, {"r", 4}, {"target", "all"}, {"dropout", 0.1}}}});
  };
  const Json summary = run(config("whole"));
  EXPECT_GT(summary["work"]["shared_tokens"].get<int64_t>(), 0);
  execute_until_stop(config("pieces"), 2);
  train::resume(scratch / "pieces", {});
  expect_same_outcome(scratch / "whole", scratch / "pieces");
  EXPECT_EQ(read_json(scratch / "pieces/summary.json")["work"]["shared_tokens"],
            summary["work"]["shared_tokens"]);
}

TEST(SharePrefixes, WhatIsKeptBelowTrainedBlocksIsOfSingleTexts) {
  // Blocks below are frozen and compute: the same numbers with and without a cache.
  const test::ScratchDir scratch;
  std::vector<double> losses;
  for (const char* cache : {"none", "memory"}) {
    const Json summary = run(with(language_config(scratch / cache),
                                  {{"strategy", {{"name", "top-k"}, {"k", 2}}}, {"cache", cache}}));
    EXPECT_EQ(summary["work"]["shared_tokens"], 0) << cache;
    losses.push_back(summary["loss"].get<double>());
  }
  EXPECT_NEAR(losses[0], losses[1], 1e-6 * losses[0]);
  // Where nothing is computed below, nothing is kept by itself, and only what is asked for is.
  const auto cached = [&](const std::string& name, const Json& patch) {
    const Json all_but_stem = {{"strategy", {{"name", "top-k"}, {"k", kLayers}}}};
    const Json summary = run(with(with(language_config(scratch / name), all_but_stem), patch));
    EXPECT_EQ(events(scratch / name, "stage")[0]["blocks"].size(), kLayers + 1);
    EXPECT_EQ(events(scratch / name, "stage")[0]["cached"],
              summary["work"]["samples_cached"].get<int64_t>() > 0);
    EXPECT_NE(summary["work"]["shared_tokens"] == 0, name == "auto") << name;
    return summary["work"]["samples_cached"].get<int64_t>() > 0;
  };
  EXPECT_FALSE(cached("auto", {{"cache", "auto"}}));
  EXPECT_TRUE(cached("asked", {{"cache", "memory"}}));
}

TEST(SharePrefixes, APlanKnowsOfIt) {
  const test::ScratchDir scratch;
  train::Job job = open(language_config(scratch / "run"));
  const double many = job.inputs->computed_share(8);
  EXPECT_LT(many, 0.95);
  EXPECT_GT(many, 0.2);
  EXPECT_EQ(job.inputs->computed_share(1), 1);
  EXPECT_TRUE(job.shares_prefixes(0));
  EXPECT_TRUE(job.shares_prefixes(1)) << "embeddings are looked up";
  EXPECT_FALSE(job.shares_prefixes(2));
  const std::vector<bool> all(static_cast<size_t>(job.model().size()), true);
  const double whole = job.update_flops(0, 0, all), half = job.update_flops(0, 0, all, 0.5);
  EXPECT_LT(half, whole);
  EXPECT_GT(half, 0.5 * whole) << "the head's work stays";
}

/// Long answers, so that what blocks keep is most of the memory.
fs::path stories(const fs::path& folder) {
  for (const char* split : {"train", "validation"}) {
    std::ofstream file(folder / (std::string(split) + ".jsonl"));
    for (int i = 0; i < 24; ++i) {
      std::string story;
      for (int k = 0; k < 24; ++k) story += fmt::format("Tom saw {} birds. ", i + k);
      file << Json{{"prompt", "Tell me a story. "}, {"completion", story}}.dump() << "\n";
    }
  }
  return folder;
}

TEST(SharePrefixes, RatesAreDecidedWhereThePlanTookBlocksAgain) {
  // fit_memory reads the configuration anew; what the plan had of it before must not be used.
  const test::ScratchDir scratch;
  install_counting_allocator();
  const std::string data = stories(scratch.path()).string();
  const auto planned = [&](const std::string& recompute, int64_t memory) {
    const Json config =
        with(language_config(scratch / "run"),
             {{"data", data},
              {"plan", "auto"},
              {"precision", "float32"},
              {"budget", {{"steps", 1}, {"memory", std::to_string(memory)}}},
              {"train",
               {{"lr", "auto"}, {"head_lr", "auto"}, {"batch", 24}, {"recompute", recompute}}}});
    return plan::make_plan(train::make_config(config)).facts;
  };
  const auto needed = [&](const std::string& recompute) -> int64_t {
    try {
      planned(recompute, 1 << 20);
    } catch (const Error& e) {
      const std::string text = e.what(), before = "needs about ";
      const size_t begin = text.find(before) + before.size();
      return parse_bytes(text.substr(begin, text.find(';', begin) - begin), "the error");
    }
    return 0;
  };
  const int64_t plain = needed("none"), again = needed("blocks");
  ASSERT_GT(plain, again + (32 << 20));
  std::map<std::string, Json> said;
  for (const Json& d : planned("auto", (plain + again) / 2).decisions)
    said[d["what"].get<std::string>()] = d["choice"];
  EXPECT_EQ(said["train.recompute"], "blocks");
  ASSERT_TRUE(said.contains("train.lr"));
  EXPECT_NE(said["train.lr"], 1e-3) << "that stands there while rates are open";
}

}  // namespace
}  // namespace graft::contract
