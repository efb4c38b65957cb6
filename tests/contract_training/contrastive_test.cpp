#include "graft/train/contrastive.h"

#include <torch/types.h>

#include <functional>

#include "graft/base/json.h"
#include "tests/support/support.h"

/// Losses and ranks of compared texts are those of sentence-transformers, and duplicates are no
/// negatives.
namespace graft::train {
namespace {

Json golden() {
  return read_json(test::source_dir() / "tests/golden/contrastive/losses.json");
}

at::Tensor matrix(const Json& rows) {
  std::vector<float> values;
  for (const Json& row : rows) {
    for (const Json& value : row) values.push_back(value.get<float>());
  }
  return at::tensor(values).view({static_cast<int64_t>(rows.size()), -1});
}

/// Texts that all differ.
at::Tensor different(int64_t samples, int64_t texts) {
  return at::arange(samples * texts).view({samples, texts});
}

/// `texts` unit vectors a sample that look alike.
at::Tensor random_features(int64_t samples, int64_t texts, int64_t width) {
  const auto g = at::detail::createCPUGenerator(5);
  return at::randn({samples * texts, width}, g) + 0.5;
}

TEST(Contrastive, LossesAndGradientsAreSentenceTransformers) {
  const Json cases = golden()["losses"];
  ASSERT_EQ(cases.size(), 19U);
  for (const Json& c : cases) {
    SCOPED_TRACE(fmt::format("{} {} {} {}", c["kind"].dump(), c["texts_a_sample"].dump(),
                             c["scale"].dump(), c["symmetric"].dump()));
    const at::Tensor features = matrix(c["features"]).requires_grad_(true);
    const int64_t texts = c["texts_a_sample"];
    const int64_t samples = features.size(0) / texts;
    at::Tensor scores;
    if (!c["scores"].is_null()) scores = at::tensor(c["scores"].get<std::vector<float>>());
    const LossValue value =
        c["kind"] == "contrastive"
            ? contrastive_loss(features, different(samples, texts), c["scale"], c["symmetric"])
        : c["kind"] == "cosent" ? cosent_loss(features, scores, c["scale"])
                                : cosine_loss(features, scores);
    EXPECT_EQ(value.weight, samples);
    EXPECT_EQ(value.per_sample.size(0), samples);
    const at::Tensor mean = value.sum / value.weight;
    EXPECT_NEAR(mean.item<double>(), c["loss"].get<double>(),
                2e-6 + 1e-6 * c["loss"].get<double>());
    EXPECT_NEAR(value.per_sample.mean().item<double>(), mean.item<double>(), 1e-6);
    mean.backward();
    EXPECT_LT((features.grad() - matrix(c["gradient"])).abs().max().item<double>(), 2e-6);
  }
}

TEST(Contrastive, RanksAreThoseOfAllCosines) {
  const Json ranks = golden()["ranks"];
  const at::Tensor features = matrix(ranks["features"]);
  const auto n = static_cast<int64_t>(ranks["ranks"].size());
  EXPECT_EQ(positive_ranks(features, different(n, 2)), ranks["ranks"].get<std::vector<int64_t>>());
  const at::Tensor cosines = at::tensor(ranks["cosines"].get<std::vector<float>>());
  EXPECT_LT((pair_cosines(features, 2) - cosines).abs().max().item<double>(), 1e-6);
}

TEST(Contrastive, WhatIsEqualIsNoNegative) {
  const at::Tensor features = random_features(6, 3, 5);
  at::Tensor keys = different(6, 3);
  keys[2][1] = keys[0][1];  // the same positive,
  keys[3][0] = keys[0][0];  // the same anchor,
  keys[4][2] = keys[0][1];  // a negative that is the positive of another,
  keys[5][1] = keys[0][0];  // and a positive that is the anchor of another
  const at::Tensor unit = features / features.norm(2, {1}, true);
  const at::Tensor texts = unit.view({6, 3, 5});
  const at::Tensor logits =
      20 * texts.select(1, 0).matmul(at::cat({texts.select(1, 1), texts.select(1, 2)}).t());
  // By hand: the columns that anchor 0 must not be told apart from.
  at::Tensor first = logits[0].clone();
  for (const int64_t column : {2, 3, 4 + 6, 5}) first[column] = -INFINITY;
  const at::Tensor losses = contrastive_loss(features, keys, 20, false).per_sample;
  EXPECT_NEAR(losses[0].item<double>(), (first.logsumexp(0) - first[0]).item<double>(), 1e-5);
  // Sample 1 shares nothing.
  EXPECT_NEAR(losses[1].item<double>(), (logits[1].logsumexp(0) - logits[1][1]).item<double>(),
              1e-5);
  // The same from the other side: the anchors that positive 0 belongs to.
  at::Tensor column = logits.select(1, 0).clone();
  for (const int64_t row : {2, 3}) column[row] = -INFINITY;
  const at::Tensor both = contrastive_loss(features, keys, 20, true).per_sample;
  EXPECT_NEAR(both[0].item<double>(),
              ((first.logsumexp(0) + column.logsumexp(0)) / 2 - first[0]).item<double>(), 1e-5);
}

TEST(Contrastive, DuplicatesAloneAreNothingToLearn) {
  const at::Tensor features = random_features(4, 2, 3);
  const at::Tensor keys = at::tensor({1, 2, 1, 2, 1, 2, 1, 2}, at::kLong).view({4, 2});
  EXPECT_EQ(contrastive_loss(features, keys, 20, true).sum.item<double>(), 0);
  EXPECT_EQ(positive_ranks(features, keys), (std::vector<int64_t>{1, 1, 1, 1}));
}

TEST(Contrastive, RanksCountTiesAndNegativesBeforeTheOwn) {
  // Anchor (1, 0); its own at 45 degrees, a negative as near, one nearer, one farther.
  const at::Tensor features = at::tensor({1.F, 0.F, 1.F, 1.F, 1.F, -1.F,  //
                                          0.F, 1.F, 0.F, 2.F, 1.F, 0.F})
                                  .view({6, 2});
  EXPECT_EQ(positive_ranks(features, different(2, 3)), (std::vector<int64_t>{3, 1}));
  at::Tensor keys = different(2, 3);
  keys[0][2] = keys[0][1];  // the tie is the positive itself
  EXPECT_EQ(positive_ranks(features, keys), (std::vector<int64_t>{2, 1}));
}

TEST(Contrastive, RanksOfManyAreTheSameInPieces) {
  // More cosines than are held at a time.
  const int64_t n = 3000;
  const at::Tensor features = random_features(n, 2, 4);
  const auto ranks = positive_ranks(features, different(n, 2));
  const at::Tensor unit = features / features.norm(2, {1}, true);
  const at::Tensor cosines =
      unit.view({n, 2, 4}).select(1, 0).matmul(unit.view({n, 2, 4}).select(1, 1).t());
  for (const int64_t i : {int64_t{0}, int64_t{1397}, int64_t{1398}, n - 1}) {
    const int64_t before = cosines[i].gt(cosines[i][i]).sum().item<int64_t>();
    EXPECT_EQ(ranks[static_cast<size_t>(i)], before + 1);
  }
}

TEST(Contrastive, CosentNeedsAnOrder) {
  const at::Tensor features = random_features(3, 2, 4);
  EXPECT_NEAR(cosent_loss(features, at::ones({3}), 20).sum.item<double>(), 0, 1e-6);
  EXPECT_GT(cosent_loss(features, at::tensor({0.F, 1.F, 2.F}), 20).sum.item<double>() +
                cosent_loss(features, at::tensor({2.F, 1.F, 0.F}), 20).sum.item<double>(),
            0.5);
}

}  // namespace
}  // namespace graft::train
