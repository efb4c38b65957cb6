#include "tests/support/support.h"

#include <algorithm>

#include "graft/base/json.h"
#include "graft/eval/correlation.h"
#include "graft/eval/metric.h"

namespace graft::eval {
namespace {

Predictions example() {
  Predictions p;
  p.classes = {"a", "b", "c"};
  // truth a: said a, a, b; truth b: said b, a; truth c: said b
  const int truth[] = {0, 0, 0, 1, 1, 2};
  const int said[] = {0, 0, 1, 1, 0, 1};
  for (int i = 0; i < 6; ++i) {
    p.inputs.push_back("x" + std::to_string(i));
    p.labels.push_back({truth[i]});
    for (int c = 0; c < 3; ++c) p.scores.push_back(c == said[i] ? 0.8F : 0.1F);
    p.losses.push_back(truth[i] == said[i] ? 0.2F : 2.3F);
  }
  return p;
}

TEST(Metrics, ValuesOfASmallExample) {
  // scikit-learn: accuracy 0.5, balanced 0.38889, macro f1 (0.66667 + 0.4 + 0) / 3 = 0.35556
  const Predictions p = example();
  EXPECT_NEAR(measure(find_metric("accuracy"), p).value, 0.5, 1e-9);
  EXPECT_NEAR(measure(find_metric("balanced_accuracy"), p).value, (2.0 / 3 + 0.5 + 0) / 3, 1e-9);
  EXPECT_NEAR(measure(find_metric("macro_f1"), p).value, (2.0 / 3 + 0.4 + 0) / 3, 1e-9);
  EXPECT_NEAR(measure(find_metric("loss"), p).value, (3 * 0.2 + 3 * 2.3) / 6, 1e-6);
  EXPECT_NEAR(measure(find_metric("top5"), p).value, 1.0, 1e-9);
}

TEST(Metrics, WilsonIntervalMatchesTheTable) {
  const auto [low, high] = wilson_interval(81, 100);  // statsmodels: 0.7222, 0.8749
  EXPECT_NEAR(low, 0.72220, 1e-4);
  EXPECT_NEAR(high, 0.87484, 1e-4);
}

TEST(Metrics, EveryIntervalHoldsItsValueAndIsRepeatable) {
  const Predictions p = example();
  for (const auto& [name, m] : measure_all(p)) {
    EXPECT_LE(m.low, m.value + 1e-12) << name;
    EXPECT_GE(m.high, m.value - 1e-12) << name;
  }
  EXPECT_EQ(measure(find_metric("macro_f1"), p).low, measure(find_metric("macro_f1"), p).low);
}

TEST(Metrics, MultiLabel) {
  Predictions p;
  p.classes = {"a", "b"};
  p.target = Target::multi_label;
  p.inputs = {"1", "2", "3"};
  p.labels = {{0, 1}, {1}, {}};
  p.scores = {0.9F, 0.4F, 0.6F, 0.8F, 0.2F, 0.1F};
  p.losses = {1, 1, 1};
  // decisions: 1: a; 2: a, b; 3: none. hits 2, said 3, truth 3
  EXPECT_NEAR(measure(find_metric("micro_f1"), p).value, 2.0 * 2 / 6, 1e-9);
  EXPECT_NEAR(measure(find_metric("mean_average_precision"), p).value, (1.0 + 1.0) / 2, 1e-9);
  const auto scores = class_scores(p);
  EXPECT_NEAR(scores[0].precision, 0.5, 1e-9);
  EXPECT_NEAR(scores[1].recall, 0.5, 1e-9);
}

Json golden() {
  return read_json(test::source_dir() / "tests/golden/eval/metrics.json");
}

TEST(Metrics, MatthewsIsScikitLearns) {
  const Json cases = golden()["classes"];
  ASSERT_EQ(cases.size(), 5U);
  for (const Json& c : cases) {
    Predictions p;
    for (int k = 0; k < c["classes"]; ++k) p.classes.push_back(std::to_string(k));
    for (size_t i = 0; i < c["labels"].size(); ++i) {
      p.inputs.push_back(std::to_string(i));
      p.labels.push_back({c["labels"][i].get<int>()});
      for (int k = 0; k < c["classes"]; ++k)
        p.scores.push_back(c["predicted"][i] == k ? 0.9F : 0.01F);
      p.losses.push_back(0);
    }
    EXPECT_NEAR(measure(find_metric("matthews"), p).value, c["matthews"].get<double>(), 1e-9);
  }
}

Predictions numbers(const std::vector<float>& truth, const std::vector<float>& said) {
  Predictions p;
  p.classes = {"value"};
  p.target = Target::regression;
  p.values = truth;
  p.scores = said;
  for (size_t i = 0; i < truth.size(); ++i) {
    p.inputs.push_back(std::to_string(i));
    p.labels.emplace_back();
    p.losses.push_back((truth[i] - said[i]) * (truth[i] - said[i]));
  }
  return p;
}

TEST(Metrics, OfNumbersAreScipys) {
  const Json cases = golden()["numbers"];
  ASSERT_EQ(cases.size(), 5U);
  for (const Json& c : cases) {
    const Predictions p =
        numbers(c["truth"].get<std::vector<float>>(), c["said"].get<std::vector<float>>());
    for (const char* name : {"pearson", "spearman", "mae"}) {
      const double expected = c[name];
      EXPECT_NEAR(measure(find_metric(name), p).value, expected,
                  1e-9 * std::max(1.0, std::abs(expected)))
          << name;
    }
    const double mse = c["mse"];
    EXPECT_NEAR(measure(find_metric("loss"), p).value, mse, 1e-6 * std::max(1.0, mse));
  }
}

TEST(Metrics, OfTextsThatBelongTogether) {
  Predictions p;
  p.target = Target::retrieval;
  p.inputs = {"1", "2", "3", "4"};
  p.labels.resize(4);
  p.ranks = {1, 4, 11, 1};
  p.losses = {0, 1, 2, 3};
  std::vector<std::string> names;
  for (const auto& [name, measured] : measure_all(p)) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"mrr", "recall_at_1", "recall_at_10", "loss"}));
  EXPECT_DOUBLE_EQ(measure(find_metric("mrr"), p).value, (1 + 1.0 / 4 + 1.0 / 11 + 1) / 4);
  EXPECT_DOUBLE_EQ(measure(find_metric("recall_at_10"), p).value, 0.75);
  const Measured first = measure(find_metric("recall_at_1"), p);
  EXPECT_DOUBLE_EQ(first.value, 0.5);
  EXPECT_NEAR(first.low, wilson_interval(2, 4).first, 1e-12);
  EXPECT_TRUE(class_scores(p).empty());
  const Json line = to_json_line(p, 2, "test");
  EXPECT_EQ(line["rank"], 11);
  EXPECT_FALSE(line.contains("label"));
}

TEST(Metrics, OfScoresAndCosines) {
  Predictions p = numbers({1, 5, 3, 3}, {0.1F, 0.9F, 0.4F, 0.6F});
  p.target = Target::similarity;
  p.classes = {"cosine"};
  std::vector<std::string> names;
  for (const auto& [name, measured] : measure_all(p)) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"pearson", "spearman", "loss"}));
  EXPECT_NEAR(measure(find_metric("spearman"), p).value, 0.948683, 1e-6);
  EXPECT_TRUE(class_scores(p).empty());
  const Json line = to_json_line(p, 1, "test");
  EXPECT_EQ(line["label"], 5);
  EXPECT_FLOAT_EQ(line["predicted"].get<float>(), 0.9F);
}

TEST(Metrics, OfPreferences) {
  Predictions p;
  p.target = Target::preference;
  p.inputs = {"1", "2", "3", "4"};
  p.labels.resize(4);
  p.tokens = {5, 6, 7, 8};
  p.chosen = {-1, -2, -3, -4};
  p.rejected = {-4, -3, -2, -1};
  p.margins = {1, 0, -1, 2};
  p.losses = {0.3F, 0.7F, 1.3F, 0.1F};
  std::vector<std::string> names;
  for (const auto& [name, m] : measure_all(p)) {
    names.push_back(name);
    EXPECT_LE(m.low, m.value) << name;
    EXPECT_GE(m.high, m.value) << name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"reward_accuracy", "reward_margin", "loss"}));
  EXPECT_NEAR(measure(find_metric("reward_accuracy"), p).value, (2 + 0.5) / 4, 1e-9);
  EXPECT_NEAR(measure(find_metric("reward_margin"), p).value, 0.5, 1e-9);
  EXPECT_NEAR(measure(find_metric("loss"), p).value, 0.6, 1e-6);
  EXPECT_TRUE(class_scores(p).empty());
  const Json line = to_json_line(p, 3, "test");
  EXPECT_EQ(line["input"], "4");
  EXPECT_EQ(line["tokens"], 8);
  EXPECT_EQ(line["chosen"], -4);
  EXPECT_EQ(line["rejected"], -1);
  EXPECT_EQ(line["margin"], 2);
  EXPECT_FALSE(line.contains("hits"));
}

TEST(Metrics, OfWhatIsConstantAreZeroAndNeverNan) {
  const Predictions p = numbers({0.1F, 0.1F, 0.1F}, {1, 2, 3});
  for (const char* name : {"pearson", "spearman"}) {
    const Measured m = measure(find_metric(name), p);
    EXPECT_EQ(m.value, 0) << name;
    EXPECT_EQ(m.low, 0) << name;
    EXPECT_EQ(m.high, 0) << name;
  }
  EXPECT_EQ(ranks({3, 1, 3, 2}), (std::vector<double>{3.5, 1, 3.5, 2}));
}

TEST(Metrics, AreMeasuredOnlyWhereTheyAreDefined) {
  const auto names = [](const Predictions& p) {
    std::vector<std::string> found;
    for (const auto& [name, m] : measure_all(p)) found.push_back(name);
    return found;
  };
  const auto has = [](const std::vector<std::string>& all, const std::string& name) {
    return std::find(all.begin(), all.end(), name) != all.end();
  };
  EXPECT_EQ(names(numbers({1, 2}, {2, 3})),
            (std::vector<std::string>{"pearson", "spearman", "mae", "loss"}));
  EXPECT_TRUE(has(names(example()), "matthews"));
  for (const char* name : {"pearson", "spearman", "mae", "mean_average_precision"})
    EXPECT_FALSE(has(names(example()), name)) << name;
  Predictions several = example();
  several.target = Target::multi_label;
  EXPECT_FALSE(has(names(several), "matthews"));
}

TEST(Predictions, OfNumbersHaveNoClasses) {
  const Predictions p = numbers({4.5F, 2}, {4, 2.5F});
  EXPECT_TRUE(class_scores(p).empty());
  const Json line = to_json_line(p, 0, "test");
  EXPECT_EQ(line["label"], 4.5);
  EXPECT_EQ(line["predicted"], 4.0);
  EXPECT_EQ(line["loss"], 0.25);
  EXPECT_FALSE(line.contains("probability"));
}

TEST(Predictions, ConfusionAndLines) {
  const Predictions p = example();
  const auto counts = confusion_matrix(p);
  EXPECT_EQ(counts[0][0], 2);
  EXPECT_EQ(counts[0][1], 1);
  EXPECT_EQ(counts[2][1], 1);
  const Json line = to_json_line(p, 5, "test");
  EXPECT_EQ(line["label"], "c");
  EXPECT_EQ(line["predicted"], "b");
}

}  // namespace
}  // namespace graft::eval
