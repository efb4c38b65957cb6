#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>

#include "graft/io/safetensors.h"
#include "tests/support/support.h"
#include "tests/unit/models/golden.h"

/// Every family that reads texts against transformers: the checkpoints that save_pretrained wrote,
/// the numbers that it computes with them.
namespace graft::models::test {
namespace {

constexpr double kTolerance = 1e-4;

struct Case {
  explicit Case(const std::string& name)
      : tensors(io::SafetensorsReader(text_golden_folder() / name / "golden.safetensors").all()) {
    ModelSource source;
    source.path = (text_golden_folder() / name).string();
    loaded = load_model(source);
  }
  Model& model() const { return *loaded.model; }
  at::Tensor forward(const std::string& prefix = "") const {
    nn::Context context;
    return model().forward(text_flow(tensors, prefix), context).at("logits");
  }
  at::Tensor loss() const { return at::cross_entropy_loss(forward(), tensors.at("labels")); }

  io::TensorMap tensors;
  LoadedModel loaded;
};

class TextClassifier : public testing::TestWithParam<std::string> {};

TEST_P(TextClassifier, EveryTensorHasItsPlace) {
  const Case c(GetParam());
  EXPECT_TRUE(c.loaded.unused.empty()) << c.loaded.unused.front();
  EXPECT_TRUE(c.loaded.missing.empty()) << c.loaded.missing.front();
  EXPECT_EQ(c.model().classes(), (std::vector<std::string>{"negative", "neutral", "positive"}));
}

TEST_P(TextClassifier, LogitsAndGradients) {
  const Case c(GetParam());
  {
    const at::NoGradGuard no_grad;
    EXPECT_LT(largest_difference(c.forward(), c.tensors.at("logits")), kTolerance);
    if (c.tensors.find("left.logits")) {
      EXPECT_LT(largest_difference(c.forward("left."), c.tensors.at("left.logits")), kTolerance);
    }
  }
  set_trained(c.model(), true);
  const at::Tensor loss = c.loss();
  EXPECT_NEAR(loss.item<double>(), c.tensors.at("loss").item<double>(), kTolerance);
  loss.backward();
  size_t compared = 0;
  for (const auto& p : c.model().registry().parameters) {
    const at::Tensor* expected = c.tensors.find("grad." + p.name);
    if (!expected) continue;
    ASSERT_TRUE(p.value->grad().defined()) << p.name;
    EXPECT_LT((p.value->grad() - *expected).norm().item<double>(),
              kTolerance * expected->norm().item<double>() + 1e-6)
        << p.name;
    ++compared;
  }
  EXPECT_EQ(compared, static_cast<size_t>(std::count_if(
                          c.tensors.begin(), c.tensors.end(),
                          [](const auto& item) { return item.first.starts_with("grad."); })));
}

void expect_losses(const Case& c, bool in_double) {
  if (in_double) to_double(c.model());
  set_trained(c.model(), true);
  AdamW optimizer(c.model());
  for (int64_t i = 0; i < 10; ++i) {
    const at::Tensor loss = c.loss();
    const double allowed =
        in_double ? 1e-8 : c.tensors.at("tolerance.train_loss")[i].item<double>();
    EXPECT_NEAR(loss.item<double>(), c.tensors.at("train_loss")[i].item<double>(), allowed)
        << "step " << i;
    loss.backward();
    optimizer.step();
  }
}

TEST_P(TextClassifier, TenStepsOfAdamW) {
  expect_losses(Case(GetParam()), false);
}

/// Double precision takes the padded path of attention, float32 the loops.
TEST_P(TextClassifier, TenStepsInDoublePrecision) {
  expect_losses(Case(GetParam()), true);
}

TEST_P(TextClassifier, BFloat16KeepsFloatLogits) {
  const Case c(GetParam());
  c.model().set_precision(at::kBFloat16);
  set_trained(c.model(), true);
  const at::Tensor out = c.forward();
  EXPECT_EQ(out.scalar_type(), at::kFloat);
  EXPECT_LT(relative_difference(out, c.tensors.at("logits")), 0.1);
  at::cross_entropy_loss(out, c.tensors.at("labels")).backward();
  for (const auto& p : c.model().registry().parameters) {
    const at::Tensor* expected = c.tensors.find("grad." + p.name);
    if (!expected || expected->norm().item<double>() < 1e-4) continue;
    EXPECT_LT(relative_difference(p.value->grad(), *expected), 0.2) << p.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, TextClassifier,
                         testing::Values("bert", "bert_pairs", "roberta", "xlm_roberta",
                                         "distilbert"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace graft::models::test
