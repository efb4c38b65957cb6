#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <functional>
#include <set>

#include "graft/base/files.h"
#include "graft/base/rng.h"
#include "graft/io/safetensors.h"
#include "graft/nn/norm.h"
#include "tests/support/support.h"
#include "tests/unit/models/golden.h"

/// Every family against transformers: the checkpoints that save_pretrained wrote, the numbers that
/// it computes with them.
namespace graft::models::test {
namespace {

constexpr double kTolerance = 1e-4;
constexpr int64_t kLargestGradient = 16384;  // elements; the files leave out larger ones

/// Folders with a golden.safetensors and the checkpoint of transformers beside it.
std::vector<std::string> families_with_goldens() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder())) {
    const std::string name = entry.path().filename();
    const bool other = name.starts_with("timm_") || name.starts_with("tv_");
    if (!other && std::filesystem::exists(entry.path() / "golden.safetensors")) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// transformers gives MobileNetV2's norms this momentum.
Json overrides(const std::string& name) {
  return name.starts_with("mobilenet") ? Json{{"batch_norm_momentum", 0.997}} : Json();
}

class GoldenFamily : public testing::TestWithParam<std::string> {
  OneThread one_thread_;
};

class GoldenWithBatchNorm : public GoldenFamily {};
class GoldenWithPositions : public GoldenFamily {};

std::vector<std::string> only(const std::function<bool(const std::string&)>& wanted) {
  std::vector<std::string> names;
  for (const auto& name : families_with_goldens()) {
    if (wanted(name)) names.push_back(name);
  }
  return names;
}

TEST_P(GoldenFamily, EveryTensorOfTheFileHasItsPlace) {
  const LoadedModel loaded = load_golden(GetParam());
  EXPECT_TRUE(loaded.unused.empty()) << loaded.unused.front();
  EXPECT_TRUE(loaded.missing.empty()) << loaded.missing.front();
  EXPECT_EQ(loaded.head.kept.size(), 5u);
  const Json& config = loaded.model->config();
  if (config.contains("image_size")) {
    EXPECT_EQ(loaded.model->preprocess().resize_width, config["image_size"].get<int>());
  }
  EXPECT_EQ(loaded.model->classes(),
            (std::vector<std::string>{"daisy", "dandelion", "rose", "sunflower", "tulip"}));
}

void expect_gradient(const nn::Parameter& p, const Golden& golden) {
  ASSERT_TRUE(p.value->grad().defined()) << p.name;
  const at::Tensor& expected = golden.tensors.at("grad." + p.name);
  const double difference = (p.value->grad() - expected).norm().item<double>();
  // Some gradients are zero but for rounding (a bias before a softmax or a norm) and have no size
  // to compare with.
  EXPECT_LT(difference, kTolerance * expected.norm().item<double>() + 1e-6) << p.name;
}

TEST_P(GoldenFamily, ForwardAndGradients) {
  const Golden golden(GetParam());
  const LoadedModel loaded = load_golden(GetParam());
  Model& model = *loaded.model;
  {
    const at::NoGradGuard no_grad;  // the folded path of frozen convolutions
    EXPECT_LT(
        largest_difference(logits(model, golden.tensors.at("pixels")), golden.tensors.at("logits")),
        kTolerance);
  }
  set_trained(model, true);
  const at::Tensor out = logits(model, golden.tensors.at("pixels"));
  EXPECT_EQ(out.scalar_type(), at::kFloat);
  EXPECT_LT(largest_difference(out, golden.tensors.at("logits")), kTolerance);
  const at::Tensor loss = at::cross_entropy_loss(out, golden.tensors.at("labels"));
  EXPECT_NEAR(loss.item<double>(), golden.tensors.at("loss").item<double>(), kTolerance);
  loss.backward();

  int64_t compared = 0;
  for (const auto& p : model.registry().parameters) {
    if (p.is_buffer()) continue;
    const at::Tensor* expected = golden.tensors.find("grad." + p.name);
    if (!expected && p.value->numel() > kLargestGradient) continue;
    if (!expected) {
      EXPECT_TRUE(!p.value->grad().defined() || p.value->grad().abs().max().item<double>() == 0)
          << p.name << " has a gradient here, but not in transformers";
      continue;
    }
    ++compared;
    expect_gradient(p, golden);
  }
  EXPECT_EQ(compared,
            std::count_if(golden.tensors.begin(), golden.tensors.end(),
                          [](const auto& item) { return item.first.starts_with("grad."); }));
}

/// Trains ten steps and compares losses, weights, running statistics and the logits afterwards.
void train_and_compare(const std::string& name, bool in_double) {
  const Golden golden(name);
  const LoadedModel loaded = load_golden(name, overrides(name));
  Model& model = *loaded.model;
  if (in_double) to_double(model);
  set_trained(model, true);
  AdamW optimizer(model);
  const auto tolerance = [&](const std::string& key, int64_t step = 0) {
    if (in_double) return 1e-8;
    const at::Tensor& allowed = golden.tensors.at("tolerance." + key);
    return (allowed.dim() > 0 ? allowed[step] : allowed).item<double>();
  };
  const at::Tensor& expected = golden.tensors.at("train_loss");
  for (int64_t i = 0; i < 10; ++i) {
    const at::Tensor out = logits(model, golden.tensors.at("pixels"), true);
    const at::Tensor loss = at::cross_entropy_loss(out, golden.tensors.at("labels"));
    EXPECT_NEAR(loss.item<double>(), expected[i].item<double>(), tolerance("train_loss", i))
        << "step " << i;
    loss.backward();
    optimizer.step();
  }
  size_t compared = 0;
  for (const auto& [key, value] : golden.tensors) {
    if (!key.starts_with("after.")) continue;
    const nn::Parameter* p = model.registry().find(key.substr(6));
    ASSERT_NE(p, nullptr) << key;
    EXPECT_LE(largest_difference(*p->value, value), tolerance(key)) << key;
    ++compared;
  }
  EXPECT_GE(compared, 2u);
  const at::NoGradGuard no_grad;
  EXPECT_LT(largest_difference(logits(model, golden.tensors.at("pixels")),
                               golden.tensors.at("logits_after")),
            tolerance("logits_after"));
}

/// Freezing takes other paths through convolutions, norms and groups; what trains must not notice.
TEST_P(GoldenFamily, GradientsOfAnySubsetAreThoseOfTheWhole) {
  const Golden golden(GetParam());
  const LoadedModel loaded = load_golden(GetParam());
  for (const uint64_t seed : {1, 2, 3}) {
    Rng rng{seed};
    for (auto& p : loaded.model->registry().parameters) {
      p.value->mutable_grad().reset();
      if (!p.is_buffer()) p.value->set_requires_grad(rng.chance(0.3));
    }
    const at::Tensor out = logits(*loaded.model, golden.tensors.at("pixels"));
    at::cross_entropy_loss(out, golden.tensors.at("labels")).backward();
    size_t compared = 0;
    for (const auto& p : loaded.model->registry().parameters) {
      const at::Tensor* expected = golden.tensors.find("grad." + p.name);
      EXPECT_EQ(p.value->grad().defined() && !p.value->requires_grad(), false) << p.name;
      if (!expected || !p.value->requires_grad()) continue;
      expect_gradient(p, golden);
      ++compared;
    }
    EXPECT_GT(compared, 0u);
  }
}

TEST_P(GoldenFamily, BFloat16KeepsFloatLogitsAndGradients) {
  const Golden golden(GetParam());
  const LoadedModel loaded = load_golden(GetParam());
  set_trained(*loaded.model, true);
  loaded.model->set_precision(at::kBFloat16);
  const at::Tensor out = logits(*loaded.model, golden.tensors.at("pixels"));
  EXPECT_EQ(out.scalar_type(), at::kFloat);
  EXPECT_LT(relative_difference(out, golden.tensors.at("logits")), 0.1);
  at::cross_entropy_loss(out, golden.tensors.at("labels")).backward();
  for (const auto& p : loaded.model->registry().parameters) {
    if (!p.value->grad().defined()) continue;
    EXPECT_EQ(p.value->grad().scalar_type(), at::kFloat) << p.name;
    EXPECT_TRUE(p.value->grad().isfinite().all().item<bool>()) << p.name;
  }
}

TEST_P(GoldenFamily, TenStepsOfTraining) {
  train_and_compare(GetParam(), false);
}

// Kinks of ReLU make float32 runs part after a few steps; in double precision they agree.
TEST_P(GoldenFamily, TenStepsOfTrainingInDouble) {
  train_and_compare(GetParam(), true);
}

TEST_P(GoldenWithBatchNorm, RunningStatisticsAfterOneBatch) {
  const Golden golden(GetParam());
  const LoadedModel loaded = load_golden(GetParam(), overrides(GetParam()));
  Model& model = *loaded.model;
  ASSERT_FALSE(model.registry().batch_norms.empty());
  const at::Tensor before = model.registry().batch_norms.front()->running_mean().clone();
  const at::NoGradGuard no_grad;
  logits(model, golden.tensors.at("pixels"), false);
  EXPECT_TRUE(before.equal(model.registry().batch_norms.front()->running_mean()))
      << "a frozen norm must not move";
  logits(model, golden.tensors.at("pixels"), true);
  for (nn::BatchNorm* norm : model.registry().batch_norms) {
    EXPECT_EQ(norm->batches().item<int64_t>(), 8) << norm->path();  // the files say 7
  }
}

TEST_P(GoldenWithPositions, OtherImageSizes) {
  const Golden golden(GetParam());
  const LoadedModel loaded = load_golden(GetParam());
  const at::Tensor& expected = golden.tensors.at("logits_large");
  set_trained(*loaded.model, true);
  const at::Tensor out = logits(*loaded.model, golden.tensors.at("pixels_large"));
  EXPECT_LT(largest_difference(out, expected), kTolerance);
  out.sum().backward();
  for (const auto& p : loaded.model->registry().parameters) {
    if (p.name.ends_with("position_embeddings")) {
      EXPECT_GT(p.value->grad().abs().sum().item<double>(), 0) << "interpolation lost the gradient";
    }
  }
}

TEST_P(GoldenFamily, SavingWritesTheFileBack) {
  const graft::test::ScratchDir scratch;
  const LoadedModel loaded = load_golden(GetParam());
  save_model(*loaded.model, scratch.path());
  const io::SafetensorsReader ours(scratch / "model.safetensors");
  const io::SafetensorsReader theirs(golden_folder() / GetParam() / "model.safetensors");
  const auto& names = theirs.names();
  EXPECT_EQ(std::set<std::string>(ours.names().begin(), ours.names().end()),
            std::set<std::string>(names.begin(), names.end()));
  EXPECT_EQ(ours.metadata(), theirs.metadata());
  for (const auto& name : names) {
    ASSERT_TRUE(ours.contains(name)) << name;
    const at::Tensor a = ours.tensor(name);
    const at::Tensor b = theirs.tensor(name);
    EXPECT_EQ(a.scalar_type(), b.scalar_type()) << name;
    EXPECT_TRUE(a.equal(b)) << name;
  }
  Json config = read_json(scratch / "config.json");
  const Json original = read_json(golden_folder() / GetParam() / "config.json");
  for (const auto& [key, value] : original.items()) {
    ASSERT_TRUE(config.contains(key)) << key;
    if (value.is_object()) {
      EXPECT_EQ(nlohmann::json(config[key]), nlohmann::json(value)) << key;  // whatever the order
    } else {
      EXPECT_EQ(config[key], value) << key;
    }
  }
  EXPECT_TRUE(std::filesystem::exists(scratch / "preprocessor_config.json"));
  ModelSource again;
  again.path = scratch.path().string();
  const Golden golden(GetParam());
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(logits(*load_model(again).model, golden.tensors.at("pixels"))
                  .equal(logits(*loaded.model, golden.tensors.at("pixels"))));
}

TEST_P(GoldenFamily, HeadRowsFollowTheNamesOfClasses) {
  const Golden golden(GetParam());
  ModelSource source;
  source.path = (golden_folder() / GetParam()).string();
  const LoadedModel loaded = load_model(source, {"tulip", "orchid", "daisy"});
  EXPECT_EQ(loaded.head.kept, (std::vector<std::string>{"tulip", "daisy"}));
  EXPECT_EQ(loaded.head.added, (std::vector<std::string>{"orchid"}));
  EXPECT_EQ(loaded.head.dropped.size(), 3u);
  const at::NoGradGuard no_grad;
  const at::Tensor out = logits(*loaded.model, golden.tensors.at("pixels"));
  const at::Tensor& all = golden.tensors.at("logits");
  ASSERT_EQ(out.size(1), 3);
  EXPECT_LT(largest_difference(out.select(1, 0), all.select(1, 4)), kTolerance);
  EXPECT_LT(largest_difference(out.select(1, 2), all.select(1, 0)), kTolerance);
}

TEST_P(GoldenFamily, RandomWeightsDependOnTheSeedAndGiveFiniteLogits) {
  const Golden golden(GetParam());
  ModelSource source;
  source.config = read_json(golden_folder() / GetParam() / "config.json");
  source.random = true;
  source.seed = 3;
  const LoadedModel first = load_model(source);
  const LoadedModel same = load_model(source);
  source.seed = 4;
  const LoadedModel other = load_model(source);
  const at::NoGradGuard no_grad;
  const at::Tensor out = logits(*first.model, golden.tensors.at("pixels"));
  EXPECT_TRUE(out.isfinite().all().item<bool>());
  EXPECT_TRUE(out.equal(logits(*same.model, golden.tensors.at("pixels"))));
  EXPECT_FALSE(out.equal(logits(*other.model, golden.tensors.at("pixels"))));
}

INSTANTIATE_TEST_SUITE_P(All, GoldenFamily, testing::ValuesIn(families_with_goldens()),
                         [](const auto& tested) { return tested.param; });

INSTANTIATE_TEST_SUITE_P(All, GoldenWithBatchNorm, testing::ValuesIn(only([](const auto& name) {
                           return name.starts_with("mobilenet") || name.starts_with("resnet");
                         })),
                         [](const auto& tested) { return tested.param; });

INSTANTIATE_TEST_SUITE_P(All, GoldenWithPositions, testing::ValuesIn(only([](const auto& name) {
                           return Golden(name).tensors.contains("pixels_large");
                         })),
                         [](const auto& tested) { return tested.param; });

TEST(GoldenFamilies, AreThere) {
  EXPECT_GE(families_with_goldens().size(), 14u);
}

}  // namespace
}  // namespace graft::models::test
