#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"
#include "tests/support/support.h"
#include "tests/unit/models/text_case.h"

/// Checkpoints opened for another task than that they were saved with: what belongs to the other
/// head is no fault, and what the new one lacks is said.
namespace graft::models::test {
namespace {

bool any_starts(const std::vector<std::string>& names, const std::string& with) {
  return std::ranges::any_of(names, [&](const auto& name) { return name.starts_with(with); });
}

void expect_same_backbone(const LoadedModel& a, const LoadedModel& b) {
  size_t compared = 0;
  for (const auto& p : a.model->registry().parameters) {
    if (a.model->block_span(p.block) == Span::head) continue;
    const nn::Parameter* other = b.model->registry().find(p.name);
    ASSERT_TRUE(other) << p.name;
    EXPECT_TRUE(at::equal(*p.value, *other->value)) << p.name;
    ++compared;
  }
  EXPECT_GT(compared, 10u);
}

TEST(OtherHead, AMaskedModelClassifies) {
  const TextCase masked("bert_mlm", Task::masked_token);
  const TextCase c("bert_mlm", Task::classes, {{"id2label", {{"0", "a"}, {"1", "b"}}}});
  expect_same_backbone(c.loaded, masked.loaded);
  EXPECT_TRUE(c.loaded.unused.empty()) << c.loaded.unused.front();
  EXPECT_TRUE(any_starts(c.loaded.other_heads, "cls.predictions."));
  EXPECT_TRUE(c.loaded.head.kept.empty());
  EXPECT_EQ(c.loaded.head.added, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(c.loaded.head.layers, (std::vector<std::string>{"bert.pooler.dense"}));
  EXPECT_NE(c.loaded.head.summary().find("bert.pooler.dense"), std::string::npos);
  // What is new below the classes is no zero: nothing would reach them.
  EXPECT_GT(c.model().registry().find("bert.pooler.dense.weight")->value->abs().sum().item<float>(),
            0);
}

TEST(OtherHead, AClassifierTellsMaskedTokens) {
  for (const char* name : {"bert", "roberta", "distilbert", "modernbert", "deberta_v3"}) {
    const TextCase c(name, Task::masked_token);
    expect_same_backbone(c.loaded, TextCase(name).loaded);
    EXPECT_TRUE(c.loaded.unused.empty()) << c.loaded.unused.front();
    EXPECT_TRUE(any_starts(c.loaded.other_heads, "classifier"));
    // ModernBERT's heads all begin with the same transform.
    EXPECT_EQ(c.loaded.head.layers.size(), name == std::string("modernbert") ? 1u : 3u) << name;
    EXPECT_NE(c.loaded.head.summary().find("new layers"), std::string::npos);
    set_trained(c.model(), true);
    nn::Flow flow = text_flow(c.tensors);
    const at::Tensor ids = flow.at("ids");
    flow["targets"] = ids;
    nn::Context context;
    c.model().forward(std::move(flow), context).at("loss").backward();
    for (const auto& p : c.model().registry().parameters) {
      if (c.model().block_span(p.block) != Span::head) continue;
      ASSERT_TRUE(p.value->grad().defined()) << p.name;
      EXPECT_GT(p.value->grad().abs().sum().item<float>(), 0) << p.name;
    }
  }
}

/// The layer has the same name in both, but its rows mean something else.
TEST(OtherHead, RowsOfASampleClassifierAreNoClassesOfTokens) {
  const TextCase c("bert", Task::token_classes);
  EXPECT_TRUE(c.loaded.head.kept.empty());
  EXPECT_EQ(c.loaded.head.added.size(), 3u);
  EXPECT_EQ(c.model().classifier().weight().abs().sum().item<float>(), 0);
  EXPECT_EQ(TextCase("bert_tokens", Task::classes).loaded.head.kept.size(), 0u);
}

TEST(OtherHead, WhatABareModelLacksIsNew) {
  const TextCase c("bert_base", Task::masked_token);
  EXPECT_EQ(c.loaded.head.layers,
            (std::vector<std::string>{"cls.predictions.transform.dense",
                                      "cls.predictions.transform.LayerNorm", "cls.predictions"}));
  EXPECT_TRUE(any_starts(c.loaded.other_heads, "pooler"));
}

/// The published files of DeBERTa v3 have a head that their configs do not mention.
TEST(OtherHead, TheFileTellsWhichHeadDebertaHas) {
  const graft::test::ScratchDir folder;
  const auto from = text_golden_folder() / "deberta_v3_mlm";
  Json config = read_json(from / "config.json");
  config.erase("legacy");
  write_json(folder / "config.json", config);
  std::filesystem::copy_file(from / "model.safetensors", folder / "model.safetensors");
  ModelSource source;
  source.path = folder.path().string();
  source.task = Task::masked_token;
  const LoadedModel loaded = load_model(source);
  EXPECT_TRUE(loaded.head.layers.empty()) << loaded.head.layers.front();
  EXPECT_EQ(loaded.model->config()["legacy"], false);
}

/// As transformers has it: two matrices that differ stay two, whatever the config says.
TEST(OtherHead, AnOutputMatrixOfItsOwnIsKept) {
  for (const bool says_tied : {true, false}) {
    const TextCase c("bert_mlm_untied", Task::masked_token, {{"tie_word_embeddings", says_tied}});
    EXPECT_EQ(c.model().output().embedding, "");
    EXPECT_TRUE(c.model().registry().find("cls.predictions.decoder.weight"));
    const at::NoGradGuard no_grad;
    EXPECT_LT(largest_difference(c.forward(), c.real("", "logits")), kTolerance);
  }
  const TextCase llama("llama", Task::next_token, {{"tie_word_embeddings", true}});
  EXPECT_FALSE(head_is_tied(llama.model()));
  const at::NoGradGuard no_grad;
  EXPECT_LT(largest_difference(llama.forward(), llama.real("", "logits")), kTolerance);
}

TEST(OtherHead, WhatAFamilyDoesNotDoIsAnError) {
  EXPECT_GRAFT_ERROR(TextCase("llama", Task::masked_token), ErrorCode::usage,
                     "does not tell what masked tokens were");
  EXPECT_GRAFT_ERROR(TextCase("bert", Task::next_token), ErrorCode::usage,
                     "does not continue texts");
  EXPECT_GRAFT_ERROR(TextCase("gemma3_text", Task::token_classes), ErrorCode::usage,
                     "does not tell the classes of tokens");
}

TEST(OtherHead, RandomWeightsAreSaidToBeNew) {
  ModelSource source;
  source.random = true;
  source.task = Task::masked_token;
  source.config = read_json(text_golden_folder() / "roberta_mlm" / "config.json");
  const LoadedModel loaded = load_model(source);
  EXPECT_EQ(loaded.head.layers,
            (std::vector<std::string>{"lm_head.dense", "lm_head.layer_norm", "lm_head"}));
  EXPECT_GT(loaded.model->registry().find("lm_head.dense.weight")->value->abs().sum().item<float>(),
            0);
}

}  // namespace
}  // namespace graft::models::test
