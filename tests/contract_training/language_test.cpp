#include "tests/contract_training/language.h"

#include <torch/types.h>

#include <cmath>
#include <fstream>
#include <set>

#include "graft/base/error.h"
#include "graft/models/load.h"
#include "graft/peft/attach.h"
#include "graft/text/chat/record.h"
#include "graft/train/batches.h"
#include "graft/train/run_model.h"
#include "graft/train/trained_set.h"
#include "tests/contract_training/stops.h"

/// What training promises of pictures and classes it promises of texts that are continued.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

const Json kAdapters = {{"method", {{"name", "lora"}, {"r", 4}, {"target", "all"}}}};

double loss_of(const fs::path& run) {
  return read_json(run / "summary.json")["loss"].get<double>();
}

std::string error_of(const Json& config) {
  try {
    run(config);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

/// One file of records as data, all of them to train on.
fs::path one_file(const fs::path& folder, const std::vector<Json>& records) {
  std::ofstream file(folder / "train.jsonl");
  for (const Json& record : records) file << record.dump() << "\n";
  return folder / "train.jsonl";
}

TEST(LanguageLoss, IsThatOfTheLogitsOverAnswersOnly) {
  const test::ScratchDir scratch;
  train::Job job = open(language_config(scratch / "run"));
  const auto [sum, tokens] = plain_loss(job, job.data.validation);
  train::Reader reader(job, [](const std::string&) {});
  const auto p = reader.evaluate(job.data.validation, train::Deadline(std::nullopt));
  ASSERT_EQ(p.size(), 8);
  double ours = 0;
  int64_t counted = 0;
  for (size_t i = 0; i < 8; ++i) {
    ours += static_cast<double>(p.losses[i]) * static_cast<double>(p.tokens[i]);
    counted += p.tokens[i];
    EXPECT_LE(p.hits[i], p.tokens[i]);
  }
  EXPECT_EQ(counted, tokens);
  EXPECT_NEAR(ours, sum, 1e-4 * sum);
  // The answer and the end of the text, not the question.
  data::LoaderOptions options;
  options.batch_size = 1;
  const auto batch = job.inputs->batches(job.data.validation, {0}, {}, options, nullptr)->next();
  const at::Tensor learned = batch->inputs.at("targets").ge(0);
  EXPECT_LT(learned.sum().item<int64_t>(), learned.size(0) / 2);
  EXPECT_FALSE(learned[0].item<bool>());
  EXPECT_EQ(batch->inputs.at("targets")[-2].item<int64_t>(), 2) << "</s> is learned";
  EXPECT_EQ(batch->inputs.at("targets")[-1].item<int64_t>(), -1);
}

TEST(LanguageTraining, LearnsWithEveryMethodAndStrategy) {
  for (const Json& patch :
       {Json{{"strategy", "full"}}, kAdapters, Json{{"method", "bitfit"}}, Json{{"method", "norm"}},
        Json{{"strategy", "head"}}, Json{{"strategy", "layer-wise"}},
        Json{{"strategy", {{"name", "top-k"}, {"k", 2}}}}}) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    // A Llama has no biases to tune.
    if (patch.value("method", Json()) == "bitfit") {
      EXPECT_NE(error_of(with(language_config(scratch / "run"), patch)), "");
      continue;
    }
    Json config = with(language_config(scratch / "run"), patch);
    config["budget"] = {{"epochs", 4}};
    train::Job before = open(config);
    const auto [sum, tokens] = plain_loss(before, before.data.test);
    const Json summary = run(config);
    EXPECT_LT(summary["loss"].get<double>(), 0.97 * sum / static_cast<double>(tokens));
    EXPECT_NEAR(summary["metrics"]["perplexity"]["value"].get<double>(),
                std::exp(summary["loss"].get<double>()), 1e-6);
    EXPECT_EQ(summary["metric"]["split"], "test");
    EXPECT_EQ(summary["problem_type"], "next_token");
    EXPECT_GT(summary["work"]["tokens"].get<int64_t>(),
              summary["work"]["learned_tokens"].get<int64_t>());
    EXPECT_GT(summary["work"]["learned_tokens"].get<int64_t>(), 4 * 24);
    // What was written gives the same loss again.
    train::Job again = open(language_config(scratch / "again"));
    again.loaded = train::load_run_model(scratch / "run");
    const auto [sum_after, tokens_after] = plain_loss(again, again.data.test);
    EXPECT_NEAR(sum_after / static_cast<double>(tokens_after), summary["loss"].get<double>(), 1e-4);
  }
}

TEST(LanguageFrozen, AdaptersLeaveTheBaseAsItIs) {
  const test::ScratchDir scratch;
  train::Job job = open(with(language_config(scratch / "run"), kAdapters));
  const auto before = snapshot(job.model());
  run(job);
  for (const auto& p : job.model().registry().parameters)
    EXPECT_TRUE(same_bytes(before.at(p.name), p.value->detach())) << p.name;
  const Json adapter = read_json(scratch / "run/adapter/adapter_config.json");
  EXPECT_EQ(adapter["task_type"], "CAUSAL_LM");
  EXPECT_EQ(adapter["auto_mapping"]["base_model_class"], "LlamaForCausalLM");
  EXPECT_TRUE(adapter["modules_to_save"].is_null() || adapter["modules_to_save"].empty());
  EXPECT_FALSE(fs::exists(scratch / "run/model"));
}

TEST(LanguageHead, LearnsAMatrixOfItsOwnAndCachesWhatLiesBelow) {
  std::vector<double> losses;
  for (const char* cache : {"none", "memory"}) {
    const test::ScratchDir scratch;
    train::Job job =
        open(with(language_config(scratch / "run"), {{"strategy", "head"}, {"cache", cache}}));
    EXPECT_FALSE(models::head_is_tied(job.model()));
    const auto before = snapshot(job.model());
    EXPECT_TRUE(same_bytes(before.at("model.embed_tokens.weight"), before.at("lm_head.weight")));
    run(job);
    EXPECT_EQ(events(scratch / "run", "stage")[0]["cached"], std::string(cache) == "memory");
    std::set<std::string> moved;
    for (const auto& p : job.model().registry().parameters) {
      if (!same_bytes(before.at(p.name), p.value->detach())) moved.insert(p.name);
    }
    EXPECT_EQ(moved, (std::set<std::string>{"lm_head.weight", "model.norm.weight"}));
    losses.push_back(loss_of(scratch / "run"));
    const Json config = read_json(scratch / "run/model/config.json");
    EXPECT_EQ(config["tie_word_embeddings"], false);
    EXPECT_EQ(config["architectures"][0], "LlamaForCausalLM");
  }
  EXPECT_NEAR(losses[0], losses[1], 1e-6 * losses[0]);
}

TEST(LanguageWindows, ManySmallBatchesEqualOneLarge) {
  // Texts of a batch know nothing of each other, and the loss of a window is its sum over its
  // tokens: how they are cut into batches changes nothing.
  const test::ScratchDir scratch;
  std::vector<at::Tensor> weights;
  for (const int64_t every : {1, 2, 8}) {
    const fs::path folder = scratch / std::to_string(every);
    Json config = with(language_config(folder),
                       {{"updates", {{"every", every}}},
                        {"train", {{"batch", 8 / every}, {"optimizer", "sgd"}, {"clip", 0}}},
                        {"budget", {{"epochs", nullptr}, {"steps", 3}}}});
    train::Job job = open(config);
    run(job);
    weights.push_back(
        job.model().registry().find("model.layers.2.mlp.up_proj.weight")->value->clone());
    if (weights.size() == 1) continue;
    const double gap = (weights[0] - weights.back()).abs().max().item<double>();
    EXPECT_LT(gap, 1e-6) << every;
    EXPECT_NEAR(step_losses(scratch / "1")[2], step_losses(folder)[2], 1e-5);
  }
}

TEST(LanguageResume, EqualsTheUninterruptedRunBitForBit) {
  for (const Json& patch :
       {Json::object(), kAdapters, Json{{"strategy", "head"}, {"cache", "memory"}},
        Json{{"strategy", "layer-wise"}}, Json{{"updates", {{"every", 2}}}}}) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    run(with(language_config(scratch / "whole"), patch));
    execute_until_stop(with(language_config(scratch / "pieces"), patch), 2);
    train::resume(scratch / "pieces", {});
    expect_same_outcome(scratch / "whole", scratch / "pieces");
  }
}

TEST(LanguageRun, GoesOnFromARun) {
  const test::ScratchDir scratch;
  run(with(language_config(scratch / "first"), kAdapters));
  Json config = with(language_config(scratch / "second"), kAdapters);
  config["model"] = (scratch / "first").string();
  const Json summary = run(config);
  EXPECT_LT(summary["loss"].get<double>(), loss_of(scratch / "first"));
  EXPECT_TRUE(fs::exists(scratch / "second/model/model.safetensors"));
}

TEST(LanguageData, RecordsWithoutAnAnswerLeftAreLeftOutAndCounted) {
  const test::ScratchDir scratch;
  std::string long_question = "Once upon a time";
  for (int i = 0; i < 200; ++i) long_question += " there was a very big tree";
  std::vector<Json> records(6, {{"prompt", "Who? "}, {"completion", "Tom."}});
  records.push_back({{"prompt", long_question}, {"completion", "It was cut off."}});
  Json config = language_config(scratch / "run");
  config["data"] = {{"train", one_file(scratch.path(), records).string()},
                    {"validation", (sums() / "validation.jsonl").string()}};
  config["train"]["max_length"] = 64;
  train::Job job = open(config);
  EXPECT_EQ(job.data.train.size(), 6);
  const auto said = std::find_if(job.notes.begin(), job.notes.end(), [](const std::string& note) {
    return note.find("1 of 7 records have no token to learn within 64 tokens") != std::string::npos;
  });
  EXPECT_NE(said, job.notes.end());

  config["data"]["train"] =
      one_file(scratch.path(), {{{"prompt", long_question}, {"completion", "Gone."}}}).string();
  const std::string error = error_of(config);
  EXPECT_NE(error.find("none of the 1 records"), std::string::npos) << error;
}

TEST(LanguageData, LongTextsBecomePiecesThatHoldEveryWord) {
  const test::ScratchDir scratch;
  std::string story;
  for (int i = 0; i < 120; ++i) story += fmt::format("Tom saw {} birds in the tree. ", i);
  Json config = language_config(scratch / "run");
  config["data"] = {
      {"train", one_file(scratch.path(), {{{"text", story}}, {{"text", "Hi."}}}).string()}};
  config["data"]["validation"] = config["data"]["train"];
  config["train"]["max_length"] = 50;
  train::Job job = open(config);
  const data::View& view = job.data.train;
  EXPECT_GT(view.size(), 20);
  std::string joined;
  for (int64_t i = 0; i + 1 < view.size(); ++i) {
    const texts::Record record = texts::parse_record(view.text(i).first);
    joined += record.value["text"].get<std::string>();
    EXPECT_EQ(record.value.value("continues", false), i + 2 < view.size());
    EXPECT_TRUE(view.sample(i).id.ends_with(fmt::format(":{}", i + 1))) << view.sample(i).id;
  }
  EXPECT_EQ(joined, story);
  EXPECT_EQ(texts::parse_record(view.text(view.size() - 1).first).value["text"], "Hi.");
  EXPECT_EQ(job.inputs->cut(), 0);
  run(job);
  EXPECT_TRUE(fs::exists(scratch / "run/report.html"));
}

TEST(LanguageData, WhatIsLearnedCanBeChosen) {
  const test::ScratchDir scratch;
  const auto learned = [&](const Json& patch) {
    Json config = with(language_config(scratch / "run"), patch);
    train::Job job = open(config);
    return plain_loss(job, job.data.validation).second;
  };
  const int64_t answers = learned(Json::object());
  const int64_t all = learned({{"chat", {{"train_on_prompt", true}}}});
  EXPECT_GT(all, 2 * answers);

  std::vector<Json> talks;
  talks.reserve(4);
  for (int i = 0; i < 4; ++i) {
    talks.push_back({{"messages",
                      {{{"role", "user"}, {"content", "Hi there"}},
                       {{"role", "assistant"}, {"content", "Hello"}},
                       {{"role", "user"}, {"content", "Who are you now"}},
                       {{"role", "assistant"}, {"content", "Tom the cat"}}}}});
  }
  Json data = {{"train", one_file(scratch.path(), talks).string()}};
  data["validation"] = data["train"];
  const Json chat = {{"data", data}};
  const auto with_chat = [&](const Json& options) {
    Json patch = chat;
    patch["chat"] = options;
    patch["chat"]["template"] = "zephyr";
    return learned(patch);
  };
  const int64_t both = with_chat(Json::object());
  const int64_t last = with_chat({{"last_only", true}});
  const int64_t user = with_chat({{"roles_to_train", {"user"}}});
  EXPECT_GT(both, last);
  EXPECT_GT(user, 0);
  EXPECT_NE(user, both);
  const std::string error = error_of(with(language_config(scratch / "run"), chat));
  EXPECT_NE(error.find("template"), std::string::npos) << error;
}

TEST(LanguageUsage, WhatIsForClassesIsRefused) {
  const test::ScratchDir scratch;
  const std::vector<std::pair<Json, std::string>> cases = {
      {{{"train", {{"loss", "focal"}}}}, "train.loss"},
      {{{"train", {{"label_smoothing", 0.1}}}}, "train.label_smoothing"},
      {{{"train", {{"class_weights", "balanced"}}}}, "train.class_weights"},
      {{{"sampling", {{"balanced", true}}}}, "sampling.balanced"},
      {{{"metric", "accuracy"}}, "metric=accuracy"},
      {{{"strategy", {{"name", "head"}, {"solver", "logistic"}}}}, "solver=logistic"},
      {{{"task", "text-classification"}}, "language-modeling"},
      {{{"model", golden_model("vit")}}, "vit"},
      {{{"chat", {{"date", "yesterday"}}}}, "chat.date"},
      {{{"chat", {{"variables", 3}}}}, "chat.variables"}};
  for (const auto& [patch, word] : cases) {
    const std::string error = error_of(with(language_config(scratch / "run"), patch));
    EXPECT_NE(error.find(word), std::string::npos) << patch.dump() << "\n" << error;
  }
  EXPECT_FALSE(fs::exists(scratch / "run"));
}

}  // namespace
}  // namespace graft::contract
