#include "tests/support/support.h"

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
  p.multi_label = true;
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
