#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/support/support.h"
#include "tests/unit/models/text_case.h"

/// Heads that say something of each token, against transformers: which token a masked one was, and
/// which class each is of.
namespace graft::models::test {
namespace {

struct Named {
  const char* name;
  Task task;
};

std::string title(const testing::TestParamInfo<Named>& one) {
  return one.param.name;
}

class TokenHead : public testing::TestWithParam<Named> {
 protected:
  TextCase open() const { return TextCase(GetParam().name, GetParam().task); }
};

/// What transformers leaves lying in a file, though nothing reads it.
std::vector<std::string> idle(const std::string& name) {
  if (name == "bert_mlm_untied") return {"cls.predictions.bias"};
  return {};
}

TEST_P(TokenHead, EveryTensorHasItsPlace) {
  const TextCase c = open();
  EXPECT_TRUE(c.loaded.unused.empty()) << c.loaded.unused.front();
  EXPECT_EQ(c.loaded.other_heads, idle(GetParam().name));
  EXPECT_TRUE(c.loaded.head.layers.empty()) << c.loaded.head.layers.front();
  if (GetParam().task == Task::token_classes) {
    EXPECT_EQ(c.loaded.head.kept, (std::vector<std::string>{"O", "B-X", "I-X"}));
    EXPECT_EQ(c.model().problem(), Target::token_classes);
  } else {
    EXPECT_EQ(c.loaded.head.summary(), "head: for masked tokens, kept from the checkpoint");
    EXPECT_FALSE(c.model().has_classifier());
    EXPECT_EQ(c.model().problem(), Target::masked_token);
  }
}

TEST_P(TokenHead, SavesTheTensorsThatItRead) {
  expect_saved_as_read(open(), GetParam().name, idle(GetParam().name));
}

TEST_P(TokenHead, LogitsOfPaddedAndLoneTexts) {
  const TextCase c = open();
  const at::NoGradGuard no_grad;
  EXPECT_LT(largest_difference(c.forward(), c.tensors.at("packed.logits")[0]), kTolerance);
  EXPECT_LT(largest_difference(c.forward(), c.real("", "logits")), kTolerance);
  EXPECT_LT(largest_difference(c.forward("left."), c.real("left.", "logits")), kTolerance);
}

TEST_P(TokenHead, LossAndGradients) {
  expect_loss_and_gradients(open());
}

TEST_P(TokenHead, TenStepsOfAdamW) {
  expect_losses(open(), false);
}

TEST_P(TokenHead, TenStepsInDoublePrecision) {
  expect_losses(open(), true);
}

TEST_P(TokenHead, BFloat16KeepsFloatLogits) {
  const TextCase c = open();
  c.model().set_precision(at::kBFloat16);
  const at::NoGradGuard no_grad;
  const at::Tensor out = c.forward();
  EXPECT_EQ(out.scalar_type(), at::kFloat);
  EXPECT_LT(relative_difference(out, c.real("", "logits")), 0.1);
}

/// What travels with the tokens leaves the chain, or was used up by the losses.
TEST_P(TokenHead, TargetsTravelToWhoTakesTheLosses) {
  const TextCase c = open();
  nn::Flow flow = text_flow(c.tensors);
  flow["targets"] = c.wanted();
  const at::Tensor lengths = flow.at("lengths");
  nn::Context context;
  const nn::Flow result = c.model().forward(std::move(flow), context);
  if (GetParam().task == Task::token_classes) {
    EXPECT_TRUE(at::equal(result.at("targets"), c.wanted()));
    EXPECT_TRUE(at::equal(result.at("lengths"), lengths));
    return;
  }
  EXPECT_FALSE(result.has("targets"));
  // Losses, learned tokens and hits of each text, as the logits give them.
  const at::NoGradGuard no_grad;
  const at::Tensor logits = c.forward();
  const at::Tensor losses = at::cross_entropy_loss(logits, c.wanted(), {}, at::Reduction::None);
  const at::Tensor learned = c.wanted().ge(0);
  const at::Tensor hit = logits.argmax(1).eq(c.wanted()).logical_and(learned);
  int64_t first = 0;
  for (int64_t b = 0; b < lengths.size(0); ++b) {
    const int64_t size = lengths[b].item<int64_t>();
    const at::Tensor row = result.at("texts")[b];
    EXPECT_NEAR(row[0].item<double>(), losses.narrow(0, first, size).sum().item<double>(), 1e-3);
    EXPECT_EQ(row[1].item<int64_t>(), learned.narrow(0, first, size).sum().item<int64_t>());
    EXPECT_EQ(row[2].item<int64_t>(), hit.narrow(0, first, size).sum().item<int64_t>());
    EXPECT_NEAR(result.at("losses")[b].item<double>(), row[0].item<double>(), 1e-4);
    first += size;
  }
}

INSTANTIATE_TEST_SUITE_P(Masked, TokenHead,
                         testing::Values(Named{"bert_mlm", Task::masked_token},
                                         Named{"bert_mlm_untied", Task::masked_token},
                                         Named{"distilbert_mlm", Task::masked_token},
                                         Named{"roberta_mlm", Task::masked_token},
                                         Named{"modernbert_mlm", Task::masked_token},
                                         Named{"deberta_v3_mlm", Task::masked_token},
                                         Named{"deberta_v3_mlm_legacy", Task::masked_token},
                                         Named{"deberta_v2_mlm", Task::masked_token}),
                         title);
INSTANTIATE_TEST_SUITE_P(Classes, TokenHead,
                         testing::Values(Named{"bert_tokens", Task::token_classes},
                                         Named{"distilbert_tokens", Task::token_classes},
                                         Named{"roberta_tokens", Task::token_classes},
                                         Named{"deberta_v3_tokens", Task::token_classes},
                                         Named{"modernbert_tokens", Task::token_classes},
                                         Named{"llama_tokens", Task::token_classes},
                                         Named{"gpt2_tokens", Task::token_classes}),
                         title);

}  // namespace
}  // namespace graft::models::test
