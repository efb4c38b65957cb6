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
  explicit Case(const std::string& name, Task task = Task::classes)
      : tensors(io::SafetensorsReader(text_golden_folder() / name / "golden.safetensors").all()) {
    ModelSource source;
    source.path = (text_golden_folder() / name).string();
    source.task = task;
    loaded = load_model(source);
  }
  Model& model() const { return *loaded.model; }
  at::Tensor forward(const std::string& prefix = "") const {
    nn::Context context;
    return model().forward(text_flow(tensors, prefix), context).at("logits");
  }
  at::Tensor loss() const {
    if (model().task() == Task::classes)
      return at::cross_entropy_loss(forward(), tensors.at("labels"));
    return at::cross_entropy_loss(forward(), next_tokens(), {}, at::Reduction::Mean, -100);
  }
  /// What follows each real token, -100 where it is not learned.
  at::Tensor next_tokens() const {
    const at::Tensor labels = tensors.at("labels");
    const at::Tensor shifted =
        at::constant_pad_nd(labels.narrow(1, 1, labels.size(1) - 1), {0, 1}, -100);
    return shifted.masked_select(tensors.at("attention_mask").to(at::kBool));
  }
  /// The rows of real tokens of padded logits [B, S, V].
  at::Tensor real(const std::string& prefix, const std::string& name) const {
    const at::Tensor mask = tensors.at(prefix + "attention_mask").to(at::kBool);
    const at::Tensor& padded = tensors.at(prefix + name);
    return padded.masked_select(mask.unsqueeze(2)).view({-1, padded.size(2)});
  }

  io::TensorMap tensors;
  LoadedModel loaded;
};

/// GPT-2's files and modules have weights as [in, out], graft as all others. DeBERTa's convolution
/// over a line is one over a picture of height 1.
at::Tensor as_here(const Case& c, const std::string& name, const at::Tensor& theirs) {
  const bool turned =
      c.model().family() == "gpt2" && theirs.dim() == 2 && name.find(".c_") != std::string::npos;
  if (theirs.dim() == 3) return theirs.unsqueeze(2);
  return turned ? theirs.t() : theirs;
}

class TextClassifier : public testing::TestWithParam<std::string> {};

TEST_P(TextClassifier, EveryTensorHasItsPlace) {
  const Case c(GetParam());
  EXPECT_TRUE(c.loaded.unused.empty()) << c.loaded.unused.front();
  EXPECT_TRUE(c.loaded.missing.empty()) << c.loaded.missing.front();
  EXPECT_EQ(c.model().classes(), (std::vector<std::string>{"negative", "neutral", "positive"}));
}

TEST_P(TextClassifier, SavesTheTensorsThatItRead) {
  const Case c(GetParam());
  const graft::test::ScratchDir folder;
  save_model(c.model(), folder.path());
  const io::TensorMap saved = io::SafetensorsReader(folder / "model.safetensors").all();
  const io::TensorMap read =
      io::SafetensorsReader(text_golden_folder() / GetParam() / "model.safetensors").all();
  EXPECT_EQ(saved.size(), read.size());
  for (const auto& [name, tensor] : read) {
    ASSERT_TRUE(saved.contains(name)) << name;
    EXPECT_TRUE(at::equal(saved.at(name), tensor)) << name;
  }
}

void expect_loss_and_gradients(const Case& c) {
  set_trained(c.model(), true);
  const at::Tensor loss = c.loss();
  EXPECT_NEAR(loss.item<double>(), c.tensors.at("loss").item<double>(), kTolerance);
  loss.backward();
  size_t compared = 0;
  for (const auto& p : c.model().registry().parameters) {
    const at::Tensor* found = c.tensors.find("grad." + p.name);
    if (!found) continue;
    const at::Tensor turned = as_here(c, p.name, *found);
    const at::Tensor* expected = &turned;
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

TEST_P(TextClassifier, LogitsAndGradients) {
  const Case c(GetParam());
  {
    const at::NoGradGuard no_grad;
    EXPECT_LT(largest_difference(c.forward(), c.tensors.at("logits")), kTolerance);
    if (c.tensors.find("left.logits")) {
      EXPECT_LT(largest_difference(c.forward("left."), c.tensors.at("left.logits")), kTolerance);
    }
  }
  expect_loss_and_gradients(c);
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
    const at::Tensor* found = c.tensors.find("grad." + p.name);
    if (!found || found->norm().item<double>() < 1e-4) continue;
    const at::Tensor turned = as_here(c, p.name, *found);
    const at::Tensor* expected = &turned;
    EXPECT_LT(relative_difference(p.value->grad(), *expected), 0.2) << p.name;
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
  const Case c(GetParam(), Task::next_token);
  EXPECT_TRUE(c.loaded.unused.empty()) << c.loaded.unused.front();
  EXPECT_TRUE(c.loaded.missing.empty()) << c.loaded.missing.front();
}

TEST_P(LanguageModel, LogitsOfPaddedPackedAndLoneTexts) {
  const Case c(GetParam(), Task::next_token);
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
  expect_loss_and_gradients(Case(GetParam(), Task::next_token));
}

TEST_P(TrainedLanguageModel, TenStepsOfAdamW) {
  expect_losses(Case(GetParam(), Task::next_token), false);
}

TEST_P(TrainedLanguageModel, TenStepsInDoublePrecision) {
  expect_losses(Case(GetParam(), Task::next_token), true);
}

/// Without a cache of keys: each new token by the whole text again.
TEST_P(LanguageModel, GreedyContinuation) {
  const Case c(GetParam(), Task::next_token);
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
