#include <torch/types.h>

#include <algorithm>
#include <fstream>
#include <numeric>

#include "graft/base/error.h"
#include "graft/eval/metric.h"
#include "graft/eval/words.h"
#include "graft/plan/plan.h"
#include "graft/text/words.h"
#include "graft/train/batches.h"
#include "graft/train/run_model.h"
#include "graft/train/word_classes.h"
#include "tests/contract_training/stops.h"
#include "tests/contract_training/tagged.h"
#include "tests/contract_training/texts.h"

/// What training promises of texts it promises of their words.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

const Json kLora = {{"method", {{"name", "lora"}, {"r", 2}, {"target", "all"}}}};
/// Without dropout a loss in training is that of an evaluation.
const Json kStill = {{"hidden_dropout_prob", 0.0}, {"attention_probs_dropout_prob", 0.0}};

eval::Predictions measured(train::Job& job, const data::View& view) {
  train::Reader reader(job, [](const std::string&) {});
  return reader.evaluate(view, train::Deadline(std::nullopt));
}

double value_of(const char* metric, const eval::Predictions& p) {
  return eval::measure(eval::find_metric(metric), p).value;
}

Json still_config(const fs::path& output) {
  Json config = tag_config(output);
  config["model"] = {{"path", text_base().string()}, {"config", kStill}};
  return config;
}

/// Some samples as one micro-batch, and the loss of it as in training.
train::LossValue batch_loss(train::Job& job, const data::View& view,
                            const std::vector<int64_t>& positions) {
  data::LoaderOptions options;
  options.batch_size = static_cast<int64_t>(positions.size());
  const auto batch = job.inputs->batches(view, positions, {}, options, nullptr)->next();
  nn::Context context;
  const nn::Flow result = job.model().forward(batch->inputs.to(job.model().device()), context);
  const train::Objective& objective = job.objective();
  return objective.loss(result, objective.targets(job, view, positions), train::loss_options(job));
}

std::vector<int64_t> all_positions(const data::View& view) {
  std::vector<int64_t> all(static_cast<size_t>(view.size()));
  std::iota(all.begin(), all.end(), int64_t{0});
  return all;
}

bool has_note(const train::Job& job, const std::string& part) {
  return std::ranges::any_of(
      job.notes, [&](const auto& note) { return note.find(part) != std::string::npos; });
}

TEST(TagLoss, IsThatOfTheFirstTokenOfEachWord) {
  const test::ScratchDir scratch;
  train::Job job = open(with(tag_config(scratch / "run"), {{"budget", {{"epochs", 1}}}}));
  run(job);  // so that the head says something
  EXPECT_EQ(job.model().classes(),
            (std::vector<std::string>{"O", "B-PER", "B-THING", "I-PER", "I-THING"}));
  const auto [sum, words] = word_loss(job.model(), job.data.train);
  const train::LossValue loss = batch_loss(job, job.data.train, all_positions(job.data.train));
  EXPECT_EQ(loss.weight, static_cast<double>(words));
  EXPECT_EQ(loss.tokens, static_cast<double>(words));
  EXPECT_NEAR(loss.sum.item<double>(), sum, 1e-4 * sum);
  EXPECT_NEAR(loss.per_sample.sum().item<double>(), sum, 1e-4 * sum);
  EXPECT_EQ(loss.per_sample.size(0), 36);

  const eval::Predictions p = measured(job, job.data.train);
  ASSERT_EQ(p.size(), 36);
  EXPECT_EQ(std::accumulate(p.tokens.begin(), p.tokens.end(), int64_t{0}), words);
  EXPECT_NEAR(value_of("loss", p), sum / static_cast<double>(words), 1e-4);
  for (const int64_t i : all_positions(job.data.train)) {
    const auto at = static_cast<size_t>(i);
    const std::vector<Word> own = words_of(job.data.train, i);
    const at::Tensor best = word_scores(job.model(), own).argmax(1);
    for (size_t w = 0; w < own.size(); ++w) {
      EXPECT_EQ(p.words[at][w], own[w].text);
      EXPECT_EQ(p.labels[at][w], own[w].label);
      EXPECT_EQ(p.said[at][w], best[static_cast<int64_t>(w)].item<int64_t>());
    }
  }
}

TEST(TagLoss, OfAWindowIsTheMeanOverItsWords) {
  std::vector<double> losses;
  std::vector<std::map<std::string, at::Tensor>> results;
  for (const auto& [batch, every] : {std::pair{36, 1}, {5, 8}}) {
    const test::ScratchDir scratch;
    Json config = still_config(scratch / "run");
    config["train"]["batch"] = batch;
    config["updates"] = {{"every", every}};
    config["budget"] = {{"steps", 1}};
    train::Job job = open(config);
    const auto [sum, words] = word_loss(job.model(), job.data.train);
    run(job);
    EXPECT_NEAR(step_losses(scratch / "run").front(), sum / static_cast<double>(words), 1e-4);
    losses.push_back(step_losses(scratch / "run").front());
    results.push_back(snapshot(job.model()));
    const Json work = read_json(scratch / "run/summary.json")["work"];
    EXPECT_EQ(work["learned_tokens"], words);
    EXPECT_GT(work["tokens"].get<int64_t>(), words);
  }
  EXPECT_NEAR(losses[0], losses[1], 1e-5);
  for (const auto& [name, tensor] : results[0])
    EXPECT_LT((tensor - results[1].at(name)).abs().max().item<double>(), 1e-3) << name;
}

TEST(TagLoss, KnowsWeightsSmoothingAndFocus) {
  const test::ScratchDir scratch;
  const Json weights = {{"O", 0.0}, {"B-PER", 2.0}};
  train::Job job =
      open(with(tag_config(scratch / "run"), {{"train", {{"class_weights", weights}}}}));
  const auto counts = job.data.train.class_counts(5);
  const train::LossValue weighted = batch_loss(job, job.data.train, all_positions(job.data.train));
  EXPECT_NEAR(weighted.weight,
              static_cast<double>(2 * counts[1] + counts[2] + counts[3] + counts[4]), 1e-3);
  for (const Json& patch : {Json{{"loss", "focal"}}, Json{{"label_smoothing", 0.1}},
                            Json{{"class_weights", "balanced"}}}) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir other;
    Json config = with(tag_config(other / "run"), {{"train", patch}});
    const Json summary = run(config);
    EXPECT_EQ(summary["status"], "completed");
    EXPECT_LT(step_losses(other / "run").back(), step_losses(other / "run").front());
  }
}

TEST(TagTraining, LearnsSentencesByHeart) {
  for (const Json& patch : {Json::object(), with(kLora, {{"train", {{"lr", 0.003}}}})}) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    Json config = with(tag_config(scratch / "run"), patch);
    const std::string train = (tagged() / "train.txt").string();
    config["data"] = {{"train", train}, {"validation", train}, {"test", train}};
    config["budget"] = {{"epochs", 100}};
    config["train"]["eval_every"] = 20;
    train::Job job = open(config);
    EXPECT_LT(value_of("entity_f1", measured(job, job.data.test)), 0.5);
    const Json summary = run(job);
    EXPECT_EQ(summary["task"], "token-classification");
    EXPECT_EQ(summary["problem_type"], "token_classification");
    EXPECT_EQ(summary["metric"]["name"], "entity_f1");
    EXPECT_GT(summary["metric"]["value"].get<double>(), 0.97);
    for (const char* metric : {"entity_precision", "entity_recall", "token_accuracy"})
      EXPECT_GT(summary["metrics"][metric]["value"].get<double>(), 0.95) << metric;
    EXPECT_LT(summary["loss"].get<double>(), 0.1);
    ASSERT_EQ(summary["per_class"].size(), 2U);
    EXPECT_EQ(summary["per_class"][0]["class"], "PER");
    EXPECT_EQ(summary["per_class"][1]["class"], "THING");
    EXPECT_GT(summary["per_class"][1]["f1"].get<double>(), 0.9);
    EXPECT_NE(test::read_text(scratch / "run/report.html").find("By entity"), std::string::npos);
    // What it says of sentences that are not cut into words.
    const auto loaded = train::load_run_model(scratch / "run");
    const auto answers = job.objective().answer(
        *loaded.model, {{"bob ann sings with the  old river flows."}, {"the falls."}}, 3);
    const Json& found = answers[0].json["entities"];
    ASSERT_EQ(found.size(), 2U) << answers[0].json;
    EXPECT_EQ(found[0]["label"], "PER");
    EXPECT_EQ(found[0]["text"], "bob ann");
    EXPECT_EQ(found[0]["start"], 0);
    EXPECT_EQ(found[0]["end"], 7);
    EXPECT_GT(found[0]["probability"].get<double>(), 0.5);
    EXPECT_EQ(found[1]["text"], "old river");
    EXPECT_EQ(found[1]["start"], 24);
    EXPECT_EQ(found[1]["end"], 33);
    EXPECT_EQ(answers[0].json["words"].size(), answers[0].json["tags"].size());
    EXPECT_EQ(answers[0].cells, (std::vector<std::string>{"PER: bob ann; THING: old river"}));
  }
}

TEST(TagAnswers, OfLongTextsAreThoseOfTheirParts) {
  const test::ScratchDir scratch;
  train::Job job = open(tag_config(scratch / "run"));
  run(job);
  const std::string one = "ann sings with the red bird .";
  std::string many;
  for (int i = 0; i < 9; ++i) many += (i > 0 ? " " : "") + one;
  data::Text text{many};
  text.words = texts::separate_words(many);
  const auto said = train::classify_words(job.model(), {text, text}).back();
  ASSERT_EQ(said.classes.size(), 63U);
  EXPECT_TRUE(std::ranges::all_of(said.probabilities, [](float p) { return p > 0; }))
      << "every word was read";
  // The model takes 24 tokens, two of them around the text. Seven words are nine tokens, so the
  // first part has two sentences and two words.
  std::vector<Word> first;
  for (const texts::Span& word : std::span(text.words).first(16))
    first.push_back({many.substr(word.begin, word.end - word.begin), 0});
  const auto [best, classes] = word_scores(job.model(), first).exp().max(1);
  for (size_t w = 0; w < first.size(); ++w) {
    EXPECT_EQ(said.classes[w], classes[static_cast<int64_t>(w)].item<int64_t>());
    EXPECT_NEAR(said.probabilities[w], best[static_cast<int64_t>(w)].item<double>(), 1e-5);
  }
  EXPECT_EQ(
      job.objective().answer(job.model(), std::vector<data::Text>{{""}}, 3)[0].json["entities"],
      Json::array());
}

/// A tokenizer may leave nothing of a word, and a model may take fewer than there are.
TEST(TagHazards, WordsThatAreNotSeenCountAsOutside) {
  const test::ScratchDir scratch;
  fs::create_directories(scratch / "data");
  for (const char* split : {"train.txt", "test.txt"}) {
    std::ofstream file(scratch / "data" / split);
    file << "ann B-PER\n\x01 B-PER\nsings O\n\n\x01 O\n\x02 B-PER\n\n";
    for (int i = 0; i < 30; ++i) file << "bird B-THING\n";
    file << "\nthe O\nold B-THING\ntree I-THING\n";
  }
  Json config = tag_config(scratch / "run");
  config["train"]["batch"] = 1;
  config["metric"] = "token_accuracy";
  config["data"] = {{"path", (scratch / "data").string()}, {"split", {{"validation", 0.0}}}};
  train::Job job = open(config);
  EXPECT_TRUE(has_note(job, "have more than 24 tokens"));
  const Json summary = run(job);
  EXPECT_EQ(summary["status"], "completed");
  for (const double loss : step_losses(scratch / "run")) EXPECT_TRUE(std::isfinite(loss));
  const eval::Predictions p = measured(job, job.data.test);
  ASSERT_EQ(p.size(), 4);
  EXPECT_EQ(p.said[0][1], 0);
  EXPECT_EQ(p.said[1], (std::vector<int>{0, 0}));
  EXPECT_EQ(p.losses[1], 0);
  EXPECT_EQ(p.tokens[2], 30);
  for (size_t word = 22; word < 30; ++word) EXPECT_EQ(p.said[2][word], 0);
  // Nothing to learn in a batch: neither a loss nor a step into nowhere.
  const train::LossValue none = batch_loss(job, job.data.test, {1});
  EXPECT_EQ(none.weight, 0);
  EXPECT_EQ(none.sum.item<double>(), 0);
}

TEST(TagResults, EveryKindIsTheModelAtTheEndOfItsRun) {
  const std::vector<std::pair<Json, std::string>> cases = {
      {{{"strategy", "full"}}, "model/model.safetensors"},
      {kLora, "adapter/adapter_model.safetensors"},
      {{{"method", "bitfit"}}, "delta.safetensors"},
      {{{"strategy", "head"}}, "delta.safetensors"},
      {{{"strategy", "layer-wise"}}, "model/model.safetensors"}};
  for (const auto& [patch, file] : cases) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    Json config = with(tag_config(scratch / "run"), patch);
    config["budget"] = {{"epochs", 4}};
    train::Job before = open(config);
    const double untrained = value_of("loss", measured(before, before.data.test));
    const Json summary = run(config);
    EXPECT_LT(summary["loss"].get<double>(), 0.97 * untrained);
    EXPECT_TRUE(fs::exists(scratch / "run" / file));
    train::Job again = open(tag_config(scratch / "again"));
    again.loaded = train::load_run_model(scratch / "run");
    EXPECT_EQ(again.model().task(), models::Task::token_classes);
    EXPECT_EQ(again.model().classes(), before.model().classes());
    const eval::Predictions p = measured(again, again.data.test);
    EXPECT_NEAR(value_of("loss", p), summary["loss"].get<double>(), 1e-4);
    std::ifstream lines(scratch / "run/predictions.jsonl");
    int64_t i = 0;
    for (std::string line; std::getline(lines, line); ++i) {
      Json said = parse_json(line, "predictions");
      Json ours = eval::to_json_line(p, i, "test");
      EXPECT_NEAR(said["loss"].get<double>(), ours["loss"].get<double>(), 1e-4);
      said.erase("loss");
      ours.erase("loss");
      EXPECT_EQ(said, ours);
    }
    EXPECT_EQ(i, 12);
    if (file.starts_with("model/")) {
      const Json saved = read_json(scratch / "run/model/config.json");
      EXPECT_EQ(saved["architectures"], Json::array({"BertForTokenClassification"}));
      EXPECT_EQ(saved["id2label"]["0"], "O");
    }
    if (file.starts_with("adapter/")) {
      const Json adapter = read_json(scratch / "run/adapter/adapter_config.json");
      EXPECT_EQ(adapter["task_type"], "TOKEN_CLS");
    }
  }
}

TEST(TagFrozen, TheHeadAloneLeavesTheBackboneAsItIs) {
  std::vector<std::map<std::string, at::Tensor>> results;
  for (const char* cache : {"none", "memory"}) {
    const test::ScratchDir scratch;
    train::Job job =
        open(with(tag_config(scratch / "run"), {{"strategy", "head"}, {"cache", cache}}));
    const auto before = snapshot(job.model());
    run(job);
    EXPECT_EQ(events(scratch / "run", "stage")[0]["cached"], std::string(cache) == "memory");
    for (const auto& p : job.model().registry().parameters) {
      EXPECT_EQ(same_bytes(before.at(p.name), p.value->detach()),
                !p.name.starts_with("classifier."))
          << p.name;
    }
    results.push_back(snapshot(job.model()));
  }
  for (const auto& [name, tensor] : results[0])
    EXPECT_LT((tensor - results[1].at(name)).abs().max().item<double>(), 1e-5) << name;
}

TEST(TagResume, EqualsTheUninterruptedRunBitForBit) {
  for (const Json& patch : {Json{{"strategy", "full"}}, Json{{"strategy", "layer-wise"}}, kLora,
                            Json{{"strategy", "head"}, {"cache", "memory"}},
                            Json{{"train", {{"batch_tokens", 60}}}, {"updates", {{"every", 2}}}}}) {
    SCOPED_TRACE(patch.dump());
    const test::ScratchDir scratch;
    run(with(tag_config(scratch / "whole"), patch));
    execute_until_stop(with(tag_config(scratch / "pieces"), patch), 2);
    train::resume(scratch / "pieces", {});
    expect_same_outcome(scratch / "whole", scratch / "pieces");
  }
}

TEST(TagBatches, AreTheSameForAnyNumberOfWorkers) {
  const test::ScratchDir scratch;
  for (const int workers : {1, 8}) {
    run(with(tag_config(scratch / std::to_string(workers)), {{"train", {{"workers", workers}}}}));
  }
  EXPECT_TRUE(same_weights(scratch / "1", scratch / "8"));
  EXPECT_EQ(step_losses(scratch / "1"), step_losses(scratch / "8"));
}

TEST(TagRun, GoesOnWithATagMore) {
  const test::ScratchDir scratch;
  train::Job first = open(tag_config(scratch / "first"));
  run(first);
  fs::create_directories(scratch / "data");
  for (const char* split : {"train", "validation", "test"}) {
    const std::string lines = test::read_text(tagged() / (std::string(split) + ".txt"));
    std::ofstream(scratch / "data" / (std::string(split) + ".txt"))
        << lines << "the O\nsmall B-DEED\nfalls I-DEED\n";
  }
  Json config = tag_config(scratch / "second");
  config["model"] = (scratch / "first").string();
  config["data"] = (scratch / "data").string();
  train::Job second = open(config);
  EXPECT_EQ(second.model().classes(), (std::vector<std::string>{"O", "B-PER", "B-THING", "I-PER",
                                                                "I-THING", "B-DEED", "I-DEED"}));
  const std::vector<Word> last = words_of(second.data.train, 36);
  EXPECT_EQ(second.model().classes()[static_cast<size_t>(last[1].label)], "B-DEED");
  EXPECT_EQ(second.model().classes()[static_cast<size_t>(last[2].label)], "I-DEED");
  EXPECT_TRUE(same_bytes(first.model().classifier().weight(),
                         second.model().classifier().weight().narrow(0, 0, 5)))
      << "what it knew it still knows";
  EXPECT_EQ(run(second)["per_class"].size(), 3U);
  Json classes = text_config(scratch / "third");
  classes["model"] = (scratch / "first").string();
  EXPECT_GRAFT_ERROR(open(classes), ErrorCode::usage, "tells classes of words");
}

TEST(TagModels, OtherFamiliesLearnToo) {
  const fs::path golden = test::source_dir() / "tests/golden/text_models";
  for (const char* name : {"roberta_tokens", "distilbert_tokens", "deberta_v3_tokens",
                           "modernbert_tokens", "llama_tokens", "gpt2_tokens"}) {
    SCOPED_TRACE(name);
    const test::ScratchDir scratch;
    Json config = tag_config(scratch / "run");
    config["model"] = {{"path", (golden / name).string()}, {"tokenizer", word_piece().string()}};
    config["budget"] = {{"epochs", 3}};
    train::Job job = open(config);
    const double before = value_of("loss", measured(job, job.data.test));
    const Json summary = run(job);
    EXPECT_LT(summary["loss"].get<double>(), before);
    const auto loaded = train::load_run_model(scratch / "run");
    EXPECT_EQ(loaded.model->classes(), job.data.classes);
  }
}

TEST(TagUsage, WhatHasNoMeaningIsRefused) {
  const test::ScratchDir scratch;
  const auto refused = [&](const Json& patch, const std::string& words) {
    SCOPED_TRACE(patch.dump());
    EXPECT_GRAFT_ERROR(open(with(tag_config(scratch / "run"), patch)), ErrorCode::usage, words);
  };
  refused({{"train", {{"mixup", 0.2}}}}, "train.mixup mixes samples");
  refused({{"train", {{"cutmix", 0.2}}}}, "train.cutmix");
  refused({{"train", {{"loss", "squared"}}}},
          "each word of a text has a class; give cross-entropy");
  refused({{"metric", "accuracy"}}, "is not defined where each word of a text has a class");
  refused({{"augment", "random_swap"}}, "each word has its class");
  refused({{"task", "text-classification"}}, "the data are for token-classification");
  refused({{"chat", {{"template", "chatml"}}}}, "chat.template");
  refused({{"strategy", {{"name", "head"}, {"solver", "logistic"}}}}, "solver=logistic");
  refused({{"model", golden_model("vit")}}, "does not tell the classes of tokens");
  Json config = text_config(scratch / "run");
  config["task"] = "token-classification";
  EXPECT_GRAFT_ERROR(open(config), ErrorCode::usage, "the data are for text-classification");
  EXPECT_FALSE(fs::exists(scratch / "run"));
  models::ModelSource source;
  source.path = text_base().string();
  source.task = models::Task::token_classes;
  const auto untrained = models::load_model(source, {"O", "B-X"});
  EXPECT_GRAFT_ERROR(
      train::objective_of(Target::token_classes).check_answers(untrained, text_base().string()),
      ErrorCode::usage, "no head that was trained to tell classes of words");
}

TEST(TagPlan, DecidesWhatIsOpen) {
  const test::ScratchDir scratch;
  const Json config = {{"model", text_base().string()},
                       {"data", tagged().string()},
                       {"output", (scratch / "run").string()},
                       {"budget", {{"epochs", 2}}}};
  plan::Planned planned = plan::make_plan(train::make_config(config), {.compare = true});
  const Json& v = planned.job.config.values;
  EXPECT_EQ(v["task"], "token-classification");
  EXPECT_EQ(v["metric"], "entity_f1");
  EXPECT_EQ(v["train"]["loss"], "cross-entropy");
  EXPECT_EQ(v["augment"], "none");
  const Json summary = run(planned.job);
  EXPECT_TRUE(summary["metrics"].contains("entity_f1"));
}

}  // namespace
}  // namespace graft::contract
