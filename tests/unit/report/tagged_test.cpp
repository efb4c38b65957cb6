#include "graft/report/run_page.h"
#include "tests/support/support.h"
#include "tests/unit/report/fixture.h"

/// Runs on texts whose words have tags.
namespace graft::report {
namespace {

RunFolder tagged(const test::ScratchDir& scratch) {
  test::write_run(scratch.path());
  Json summary = read_json(scratch / "summary.json");
  summary["task"] = "token-classification";
  summary["classes"] = {"O", "B-PER", "I-PER"};
  summary["per_class"] = {{{"class", "PER"},
                           {"count", 2},
                           {"precision", 0.5},
                           {"recall", 0.25},
                           {"recall_interval", {0.1, 0.9}},
                           {"f1", 0.3333}}};
  write_json(scratch / "summary.json", summary);
  const auto line = [](int i, const Json& missed, const Json& extra, double loss) -> Json {
    return {{"split", "test"},
            {"input", "test/line:" + std::to_string(i)},
            {"words", {"Anna", "<b>", "left"}},
            {"tags", {"B-PER", "I-PER", "O"}},
            {"predicted", {"O", "B-PER", "O"}},
            {"missed", missed},
            {"extra", extra},
            {"loss", loss}};
  };
  test::write_lines(
      scratch / "predictions.jsonl",
      {line(1, {"PER Anna <b>"}, {"PER left"}, 2), line(2, Json::array(), {"PER x"}, 1),
       line(3, {"PER y"}, Json::array(), 0.5), line(4, Json::array(), Json::array(), 0.1)});
  return read_run_folder(scratch.path());
}

TEST(Tagged, TextsAreRightWhereNoEntityIsWrong) {
  const test::ScratchDir scratch;
  const RunFolder run = tagged(scratch);
  EXPECT_TRUE(run.words);
  ASSERT_EQ(run.predictions.size(), 4U);
  EXPECT_EQ(run.predictions[0].missed, std::vector<std::string>{"PER Anna <b>"});
  EXPECT_EQ(run.predictions[0].extra, std::vector<std::string>{"PER left"});
  EXPECT_EQ(run.predictions[0].loss, 2);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(run.predictions[i].correct(), i == 3) << i;
}

TEST(Tagged, APageShowsEntitiesInsteadOfAConfusion) {
  const test::ScratchDir scratch;
  const std::string page = render_run(tagged(scratch), {.examples = 4});
  for (const char* part :
       {"By entity", "<th>Entity", "PER", "0.333", "missed <b>PER Anna &lt;b&gt;</b></p>",
        "wrongly found PER left</p>", "wrongly found PER x</p>", "missed <b>PER y</b></p>",
        "every entity found</p>", "loss 2.00 a word"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_LT(page.find("PER Anna"), page.find("PER x")) << "the worst one is the first";
  for (const char* of_classes : {"Confusion", "By class", "taken for", "predicted right",
                                 "Can its probabilities be trusted?"})
    EXPECT_EQ(page.find(of_classes), std::string::npos) << of_classes;
}

}  // namespace
}  // namespace graft::report
