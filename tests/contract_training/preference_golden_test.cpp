#include <torch/types.h>

#include "graft/base/json.h"
#include "graft/eval/metric.h"
#include "graft/nn/token_loss.h"
#include "graft/train/preference.h"
#include "tests/support/support.h"

/// The DPO loss of fixed logits against TRL's own (tests/golden/preference).
namespace graft::train {
namespace {

const Json& golden() {
  static const Json all = read_json(test::source_dir() / "tests/golden/preference/preference.json");
  return all;
}

/// The texts of a case, a pair after the other, chosen answer first.
std::vector<Json> texts_of(const Json& given) {
  std::vector<Json> texts;
  for (const Json& pair : given["pairs"]) {
    texts.push_back(pair["chosen"]);
    texts.push_back(pair["rejected"]);
  }
  return texts;
}

at::Tensor reference_of(const std::vector<Json>& texts) {
  std::vector<double> found;
  found.reserve(texts.size());
  for (const Json& text : texts) found.push_back(text["reference"].get<double>());
  return at::tensor(found, at::kDouble).to(at::kFloat).view({-1, 2});
}

/// [n][2] as [n, 2].
at::Tensor table(const Json& rows) {
  std::vector<double> values;
  for (const Json& row : rows) {
    for (const Json& value : row) values.push_back(value.get<double>());
  }
  return at::tensor(values, at::kDouble).view({-1, 2});
}

/// What a chain ends with when its last layer gave these logits: the rows of all texts one after
/// the other, of which each predicts the token after it.
nn::Flow flow_of(const at::Tensor& logits, const std::vector<Json>& texts) {
  std::vector<int64_t> targets;
  std::vector<int64_t> text;
  std::vector<float> learned;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto ids = texts[i]["ids"].get<std::vector<int64_t>>();
    const auto marks = texts[i]["learned"].get<std::vector<int64_t>>();
    int64_t count = 0;
    for (size_t t = 0; t < ids.size(); ++t) {
      const bool predicts = t + 1 < ids.size() && marks[t + 1] != 0;
      targets.push_back(predicts ? ids[t + 1] : -1);
      if (predicts) text.push_back(static_cast<int64_t>(i));
      count += predicts ? 1 : 0;
    }
    learned.push_back(static_cast<float>(count));
  }
  const at::Tensor matrix = at::eye(logits.size(1));
  const nn::TokenLoss loss = nn::token_loss(logits, matrix, at::tensor(targets, at::kLong));
  const auto n = static_cast<int64_t>(texts.size());
  const at::Tensor sums =
      at::zeros({n}, at::kDouble)
          .index_add(0, at::tensor(text, at::kLong), loss.losses.to(at::kDouble));
  const at::Tensor counts = at::tensor(learned, at::kFloat);
  nn::Flow flow("texts", at::stack({sums.detach().to(at::kFloat), counts, counts}, 1));
  flow["losses"] = sums;
  return flow;
}

/// `relative` to the largest number.
void expect_close(const at::Tensor& ours, const at::Tensor& theirs, double relative) {
  const at::Tensor difference = (ours.to(at::kDouble) - theirs).abs();
  EXPECT_LE(difference.max().item<double>(), relative * theirs.abs().max().item<double>());
}

TEST(PreferenceGolden, LossAndGradientOfLogProbabilitiesAreTrls) {
  ASSERT_GE(golden()["cases"].size(), 5U);
  for (const Json& given : golden()["cases"]) {
    SCOPED_TRACE(fmt::format("beta {}", given["beta"].dump()));
    const std::vector<Json> texts = texts_of(given);
    const auto pairs = static_cast<double>(texts.size()) / 2;
    const at::Tensor logps = table(given["logps"]).set_requires_grad(true);
    nn::Flow flow("texts", at::ones({logps.numel(), 3}));
    flow["losses"] = -logps.view(-1);
    const at::Tensor reference = reference_of(texts);
    const auto beta = given["beta"].get<double>();

    const at::Tensor margins = reward_margins(flow.at("losses"), reference, beta);
    const auto theirs = given["margins"].get<std::vector<double>>();
    expect_close(margins.detach(), at::tensor(theirs, at::kDouble), 1e-9);
    const LossValue loss = preference_loss(flow, reference, beta);
    EXPECT_EQ(loss.weight, pairs);
    EXPECT_NEAR(loss.sum.item<double>() / pairs, given["loss"].get<double>(), 1e-9);
    loss.sum.backward();
    expect_close(logps.grad() / pairs, table(given["gradient"]), 1e-9);

    eval::Predictions p;
    p.target = Target::preference;
    for (int64_t i = 0; i < margins.size(0); ++i) {
      p.inputs.push_back(std::to_string(i));
      p.margins.push_back(margins[i].item<float>());
    }
    const auto measured = [&](const char* name) {
      return eval::measure(eval::find_metric(name), p).value;
    };
    const auto mean = given["mean_margin"].get<double>();
    EXPECT_NEAR(measured("reward_margin"), mean, 1e-6 * std::max(1.0, std::abs(mean)));
    EXPECT_NEAR(measured("reward_accuracy"), given["accuracy"].get<double>(), 1e-6);
  }
}

TEST(PreferenceGolden, LossAndGradientOfLogitsAreTrls) {
  for (const Json& given : golden()["cases"]) {
    SCOPED_TRACE(fmt::format("beta {}", given["beta"].dump()));
    const std::vector<Json> texts = texts_of(given);
    const auto pairs = static_cast<double>(texts.size()) / 2;
    std::vector<double> values;
    std::vector<double> gradients;
    for (const Json& text : texts) {
      for (const Json& value : text["logits"]) values.push_back(value.get<double>());
      for (const Json& value : text["gradient"]) gradients.push_back(value.get<double>());
    }
    const auto vocabulary = given["vocabulary"].get<int64_t>();
    const at::Tensor logits = at::tensor(values, at::kDouble)
                                  .to(at::kFloat)
                                  .view({-1, vocabulary})
                                  .set_requires_grad(true);
    const LossValue loss =
        preference_loss(flow_of(logits, texts), reference_of(texts), given["beta"].get<double>());
    const auto theirs = given["loss"].get<double>();
    EXPECT_NEAR(loss.sum.item<double>() / pairs, theirs, 1e-6 * std::max(1.0, theirs));
    loss.sum.backward();
    expect_close(logits.grad().view(-1) / pairs, at::tensor(gradients, at::kDouble), 1e-6);
  }
}

}  // namespace
}  // namespace graft::train
