#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/unit/models/text_case.h"

/// Every family that reads texts against transformers: the checkpoints that save_pretrained wrote,
/// the numbers that it computes with them.
namespace graft::models::test {
namespace {

class TextClassifier : public testing::TestWithParam<std::string> {};

TEST_P(TextClassifier, EveryTensorHasItsPlace) {
  const TextCase c(GetParam());
  EXPECT_TRUE(c.loaded.unused.empty()) << c.loaded.unused.front();
  EXPECT_TRUE(c.loaded.other_heads.empty()) << c.loaded.other_heads.front();
  EXPECT_TRUE(c.loaded.missing.empty()) << c.loaded.missing.front();
  EXPECT_TRUE(c.loaded.head.layers.empty()) << c.loaded.head.layers.front();
  EXPECT_EQ(c.model().classes(), (std::vector<std::string>{"negative", "neutral", "positive"}));
}

TEST_P(TextClassifier, SavesTheTensorsThatItRead) {
  const TextCase c(GetParam());
  expect_saved_as_read(c, GetParam());
}

TEST_P(TextClassifier, LogitsAndGradients) {
  const TextCase c(GetParam());
  {
    const at::NoGradGuard no_grad;
    EXPECT_LT(largest_difference(c.forward(), c.tensors.at("logits")), kTolerance);
    if (c.tensors.find("left.logits")) {
      EXPECT_LT(largest_difference(c.forward("left."), c.tensors.at("left.logits")), kTolerance);
    }
  }
  expect_loss_and_gradients(c);
}

TEST_P(TextClassifier, TenStepsOfAdamW) {
  expect_losses(TextCase(GetParam()), false);
}

TEST_P(TextClassifier, TenStepsInDoublePrecision) {
  expect_losses(TextCase(GetParam()), true);
}

TEST_P(TextClassifier, BFloat16KeepsFloatLogits) {
  const TextCase c(GetParam());
  c.model().set_precision(at::kBFloat16);
  set_trained(c.model(), true);
  const at::Tensor out = c.forward();
  EXPECT_EQ(out.scalar_type(), at::kFloat);
  EXPECT_LT(relative_difference(out, c.tensors.at("logits")), 0.1);
  at::cross_entropy_loss(out, c.tensors.at("labels")).backward();
  for (const auto& p : c.model().registry().parameters) {
    const at::Tensor* found = c.tensors.find("grad." + p.name);
    if (!found || found->norm().item<double>() < 1e-4) continue;
    EXPECT_LT(relative_difference(p.value->grad(), as_here(c, p.name, *found)), 0.2) << p.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, TextClassifier,
                         testing::Values("bert", "bert_pairs", "roberta", "xlm_roberta",
                                         "distilbert", "modernbert", "modernbert_mean",
                                         "deberta_v3", "deberta_v2", "llama_classifier",
                                         "gpt2_classifier"),
                         [](const auto& one) { return one.param; });

class LanguageModel : public testing::TestWithParam<std::string> {
 protected:
  /// transformers rotates a whole batch by what its longest text asks for; here each text has its
  /// own frequencies, so only texts alone compare.
  static bool by_length(const std::string& name) {
    return name == "llama_rope_dynamic" || name == "phi3_longrope";
  }
};

/// Those whose batches transformers computes as graft does.
class TrainedLanguageModel : public testing::TestWithParam<std::string> {};

TEST_P(LanguageModel, EveryTensorHasItsPlace) {
  const TextCase c(GetParam(), Task::next_token);
  EXPECT_TRUE(c.loaded.unused.empty()) << c.loaded.unused.front();
  EXPECT_TRUE(c.loaded.missing.empty()) << c.loaded.missing.front();
}

TEST_P(LanguageModel, LogitsOfPaddedPackedAndLoneTexts) {
  const TextCase c(GetParam(), Task::next_token);
  const at::NoGradGuard no_grad;
  const at::Tensor packed = c.tensors.at("packed.logits")[0];
  EXPECT_LT(largest_difference(c.forward(), packed), kTolerance);
  if (by_length(GetParam())) {
    EXPECT_LT(largest_difference(c.forward("short."), c.real("short.", "logits")), kTolerance);
    return;
  }
  EXPECT_LT(largest_difference(c.forward(), c.real("", "logits")), kTolerance);
  EXPECT_LT(largest_difference(c.forward("left."), c.real("left.", "logits")), kTolerance);
}

TEST_P(TrainedLanguageModel, LossAndGradients) {
  expect_loss_and_gradients(TextCase(GetParam(), Task::next_token));
}

TEST_P(TrainedLanguageModel, TenStepsOfAdamW) {
  expect_losses(TextCase(GetParam(), Task::next_token), false);
}

TEST_P(TrainedLanguageModel, TenStepsInDoublePrecision) {
  expect_losses(TextCase(GetParam(), Task::next_token), true);
}

/// Without a cache of keys: each new token by the whole text again.
TEST_P(LanguageModel, GreedyContinuation) {
  const TextCase c(GetParam(), Task::next_token);
  const at::NoGradGuard no_grad;
  const at::Tensor* whole = c.tensors.find("greedy_no_cache");
  const at::Tensor expected = whole ? *whole : c.tensors.at("greedy");
  const nn::Flow rows = text_flow(c.tensors);
  const at::Tensor lengths = rows.at("lengths");
  int64_t first = 0;
  for (int64_t b = 0; b < lengths.size(0); ++b) {
    const int64_t length = lengths[b].item<int64_t>();
    at::Tensor ids = rows.at("ids").narrow(0, first, length);
    first += length;
    for (int64_t i = 0; i < expected.size(1); ++i) {
      nn::Flow flow("ids", ids);
      flow["lengths"] = at::full({1}, ids.size(0), at::kLong);
      nn::Context context;
      const at::Tensor next = c.model().forward(flow, context).at("logits")[-1].argmax();
      ASSERT_EQ(next.item<int64_t>(), expected[b][i].item<int64_t>()) << "row " << b << ", " << i;
      ids = at::cat({ids, next.view({1})});
    }
  }
}

const std::vector<std::string> kLanguageModels = {"gpt2",
                                                  "llama",
                                                  "llama_gqa_tied",
                                                  "llama_bias",
                                                  "llama_rope_llama3",
                                                  "llama_rope_linear",
                                                  "llama_rope_yarn",
                                                  "mistral",
                                                  "qwen2",
                                                  "qwen2_sliding",
                                                  "qwen3",
                                                  "gemma",
                                                  "gemma2",
                                                  "gemma3_text",
                                                  "phi3"};

INSTANTIATE_TEST_SUITE_P(Families, LanguageModel, testing::ValuesIn(kLanguageModels),
                         [](const auto& one) { return one.param; });
INSTANTIATE_TEST_SUITE_P(ByLength, LanguageModel,
                         testing::Values("llama_rope_dynamic", "phi3_longrope"),
                         [](const auto& one) { return one.param; });
INSTANTIATE_TEST_SUITE_P(Families, TrainedLanguageModel, testing::ValuesIn(kLanguageModels),
                         [](const auto& one) { return one.param; });

}  // namespace
}  // namespace graft::models::test
