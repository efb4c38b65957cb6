#include "graft/eval/words.h"

#include "graft/base/json.h"
#include "graft/eval/metric.h"
#include "tests/support/support.h"

namespace graft::eval {
namespace {

using Names = std::vector<std::string>;

Predictions predictions_of(const Names& tags) {
  Predictions p;
  p.classes = tags;
  p.target = Target::token_classes;
  return p;
}

void add(Predictions& p, const std::vector<int>& truth, const std::vector<int>& said,
         float loss = 0) {
  Names words;
  for (size_t i = 0; i < truth.size(); ++i) words.push_back("w" + std::to_string(i));
  add_tagged(p, texts::TagSet(p.classes),
             {"line:" + std::to_string(p.size() + 1), words, truth, said, loss});
}

double value(const std::string& metric, const Predictions& p) {
  return measure(find_metric(metric), p).value;
}

TEST(Words, ScoresAreThoseOfSeqeval) {
  const Json golden = read_json(test::source_dir() / "tests/golden/eval/entities.json");
  ASSERT_GE(golden["sets"].size(), 19U);
  for (const Json& set : golden["sets"]) {
    Predictions p = predictions_of(set["tags"].get<Names>());
    SCOPED_TRACE(set["tags"].dump());
    for (size_t i = 0; i < set["truth"].size(); ++i)
      add(p, set["truth"][i].get<std::vector<int>>(), set["said"][i].get<std::vector<int>>());
    EXPECT_NEAR(value("entity_precision", p), set["precision"].get<double>(), 1e-12);
    EXPECT_NEAR(value("entity_recall", p), set["recall"].get<double>(), 1e-12);
    EXPECT_NEAR(value("entity_f1", p), set["f1"].get<double>(), 1e-12);
    EXPECT_NEAR(value("token_accuracy", p), set["accuracy"].get<double>(), 1e-12);
    size_t types = 0;
    for (const ClassScore& score : class_scores(p)) {
      if (!set["types"].contains(score.name)) {
        EXPECT_EQ(score.count, 0) << score.name;
        continue;
      }
      ++types;
      const Json& own = set["types"][score.name];
      EXPECT_NEAR(score.precision, own[0].get<double>(), 1e-12) << score.name;
      EXPECT_NEAR(score.recall, own[1].get<double>(), 1e-12) << score.name;
      EXPECT_NEAR(score.f1, own[2].get<double>(), 1e-12) << score.name;
      EXPECT_EQ(score.count, own[3].get<int64_t>()) << score.name;
    }
    EXPECT_EQ(types, set["types"].size());
  }
}

TEST(Words, OfASubsetCountAsOftenAsTheirText) {
  Predictions p = predictions_of({"O", "B-A", "I-A"});
  add(p, {1, 2, 0}, {1, 2, 0}, 0.5F);     // found
  add(p, {1, 0, 0, 0}, {0, 0, 0, 1}, 2);  // missed, and one that is not there
  const Metric& f1 = find_metric("entity_f1");
  EXPECT_NEAR(f1.value(p, {0, 1}), 0.5, 1e-12);
  EXPECT_NEAR(f1.value(p, {0, 0, 1}), 2.0 * 2 / (3 + 3), 1e-12);
  EXPECT_NEAR(f1.value(p, {1}), 0, 1e-12);
  EXPECT_NEAR(value("token_accuracy", p), 5.0 / 7, 1e-12);
  EXPECT_NEAR(value("loss", p), (3 * 0.5 + 4 * 2) / 7, 1e-6);
  EXPECT_FALSE(find_metric("accuracy").defined_for(Target::token_classes));
}

TEST(Words, ALineOfPredictionsSaysWhatIsWrong) {
  Predictions p = predictions_of({"O", "B-A", "I-A"});
  add(p, {1, 2, 0, 0}, {0, 1, 0, 0}, 0.25F);
  EXPECT_EQ(to_json_line(p, 0, "test"), (Json{{"split", "test"},
                                              {"input", "line:1"},
                                              {"words", {"w0", "w1", "w2", "w3"}},
                                              {"tags", {"B-A", "I-A", "O", "O"}},
                                              {"predicted", {"O", "B-A", "O", "O"}},
                                              {"missed", Json::array({"A w0 w1"})},
                                              {"extra", Json::array({"A w1"})},
                                              {"loss", 0.25}}));
}

}  // namespace
}  // namespace graft::eval
