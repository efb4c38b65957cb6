#include "graft/data/share_prefixes.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/unit/models/text_case.h"

/// Texts that begin alike and are computed once up to where they part: losses and gradients are
/// those of whole texts.
namespace graft::models::test {
namespace {

/// Eight texts: a beginning for all, one of two that follow it, then a word of its own.
nn::Flow texts_with_beginnings(int64_t vocabulary) {
  const auto words = [&](int64_t count, uint64_t seed) {
    return at::randint(vocabulary, {count}, at::detail::createCPUGenerator(seed), at::kLong);
  };
  std::vector<at::Tensor> ids, targets;
  std::vector<int64_t> lengths;
  for (uint64_t i = 0; i < 8; ++i) {
    const int64_t own = 3 + static_cast<int64_t>(i);
    const at::Tensor text = at::cat({words(18, 1), words(9, 2 + i % 2), words(own, 10 + i)});
    ids.push_back(text);
    lengths.push_back(text.size(0));
    at::Tensor wanted = at::full_like(text, -1);
    // The text's own tokens are learned, the first of them by the last of what is shared.
    wanted.narrow(0, 26, own).copy_(text.narrow(0, 27, own));
    targets.push_back(wanted);
  }
  nn::Flow flow("ids", at::cat(ids));
  flow["lengths"] = at::tensor(lengths, at::kLong);
  flow["targets"] = at::cat(targets);
  return flow;
}

struct Outcome {
  at::Tensor losses, texts;
  std::vector<std::pair<std::string, at::Tensor>> gradients;
};

Outcome outcome_of(Model& model, const nn::Flow& flow, bool recompute = false) {
  nn::Context context;
  context.training = true;
  context.recompute = recompute;
  const nn::Flow result = model.forward(flow, context);
  // Each text weighs something else, as where answers are compared.
  const at::Tensor losses = result.at("losses");
  (losses * at::arange(1, 9, losses.options())).sum().backward();
  Outcome outcome{losses.detach(), result.at("texts"), {}};
  for (const auto& p : model.registry().parameters) {
    if (!p.value->grad().defined()) continue;
    outcome.gradients.emplace_back(p.name, p.value->grad());
    p.value->mutable_grad() = at::Tensor();
  }
  return outcome;
}

void expect_equal(const Outcome& found, const Outcome& expected, double tolerance) {
  EXPECT_LT(relative_difference(found.losses, expected.losses), tolerance);
  EXPECT_TRUE(at::equal(found.texts.select(1, 1), expected.texts.select(1, 1)));
  ASSERT_EQ(found.gradients.size(), expected.gradients.size());
  ASSERT_FALSE(found.gradients.empty());
  for (size_t i = 0; i < found.gradients.size(); ++i) {
    const auto& [name, gradient] = found.gradients[i];
    const at::Tensor& wanted = expected.gradients[i].second;
    EXPECT_LT((gradient - wanted).norm().item<double>(),
              tolerance * wanted.norm().item<double>() + 1e-7)
        << name;
  }
}

class SharedPrefixes : public testing::TestWithParam<std::string> {
 protected:
  // Masks of dropout are drawn by rows, of which there are fewer.
  static Json without_dropout() {
    return {{"attn_pdrop", 0}, {"resid_pdrop", 0}, {"embd_pdrop", 0}, {"attention_dropout", 0}};
  }
  TextCase c_{GetParam(), Task::next_token, without_dropout()};
  nn::Flow whole_ = texts_with_beginnings(c_.model().config()["vocab_size"].get<int64_t>());
  nn::Flow shared_ = data::share_prefixes(whole_);
};

TEST_P(SharedPrefixes, LossesAndGradientsAreThoseOfWholeTexts) {
  ASSERT_TRUE(c_.model().shares_prefixes());
  ASSERT_LT(shared_.at("ids").size(0), whole_.at("ids").size(0) / 2);
  set_trained(c_.model(), true);
  const Outcome whole = outcome_of(c_.model(), whole_);
  expect_equal(outcome_of(c_.model(), shared_), whole, 1e-5);
  expect_equal(outcome_of(c_.model(), shared_, true), whole, 1e-5);
  to_double(c_.model());  // LibTorch's operators instead of the loops
  set_trained(c_.model(), true);
  expect_equal(outcome_of(c_.model(), shared_), outcome_of(c_.model(), whole_), 1e-10);
}

TEST_P(SharedPrefixes, BFloat16IsAsCloseAsItIsWithWholeTexts) {
  set_trained(c_.model(), true);
  const Outcome expected = outcome_of(c_.model(), whole_);
  c_.model().set_precision(at::kBFloat16);
  expect_equal(outcome_of(c_.model(), shared_), expected, 0.2);
  const auto gap = [&](const nn::Flow& flow) {
    return relative_difference(outcome_of(c_.model(), flow).losses, expected.losses);
  };
  EXPECT_LT(gap(shared_), 2 * gap(whole_) + 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Families, SharedPrefixes,
                         testing::Values("gpt2", "llama", "llama_gqa_tied", "llama_rope_llama3",
                                         "llama_rope_yarn", "mistral", "qwen2_sliding", "qwen3",
                                         "gemma", "gemma2", "gemma3_text", "phi3"),
                         [](const auto& one) { return one.param; });

TEST(SharedPrefixesOf, ModelsThatLookAheadOrAtTheLengthAreRefused) {
  for (const char* name : {"llama_rope_dynamic", "phi3_longrope"})
    EXPECT_FALSE(TextCase(name, Task::next_token).model().shares_prefixes()) << name;
  for (const char* name : {"bert", "modernbert", "llama_classifier", "gpt2_classifier"})
    EXPECT_FALSE(TextCase(name).model().shares_prefixes()) << name;
}

}  // namespace
}  // namespace graft::models::test
