#include "graft/report/numbers.h"

#include "graft/report/run_page.h"
#include "tests/support/support.h"
#include "tests/unit/report/fixture.h"

/// Runs whose labels are numbers, and runs on texts.
namespace graft::report {
namespace {

/// 60 numbers from 0 to 5.9, each predicted 0.5 too high but for one.
RunFolder numbers(const test::ScratchDir& scratch) {
  test::write_run(scratch.path());
  Json summary = read_json(scratch / "summary.json");
  summary["task"] = "text-regression";
  summary["classes"] = {"value"};
  summary.erase("per_class");
  write_json(scratch / "summary.json", summary);
  std::vector<Json> lines;
  for (int i = 0; i < 60; ++i) {
    const double miss = i == 7 ? 9 : 0.5;
    lines.push_back({{"split", "test"},
                     {"input", "test/line:" + std::to_string(i)},
                     {"label", i / 10.0},
                     {"predicted", i / 10.0 + miss},
                     {"loss", miss * miss}});
  }
  test::write_lines(scratch / "predictions.jsonl", lines);
  return read_run_folder(scratch.path());
}

TEST(Numbers, AreReadAsNumbers) {
  const test::ScratchDir scratch;
  const RunFolder run = numbers(scratch);
  EXPECT_TRUE(run.regression);
  ASSERT_EQ(run.predictions.size(), 60U);
  EXPECT_EQ(run.predictions[12].value, 1.2);
  EXPECT_NEAR(run.predictions[12].said, 1.7, 1e-9);
  EXPECT_TRUE(run.predictions[12].label.empty());
}

TEST(Numbers, APageShowsThemInsteadOfClasses) {
  const test::ScratchDir scratch;
  const std::string page = render_run(numbers(scratch), {.examples = 1});
  EXPECT_NE(page.find("Predicted against true"), std::string::npos);
  EXPECT_NE(page.find("<b>0.7000</b></p><p>predicted 9.700"), std::string::npos) << "the worst one";
  for (const char* of_classes : {"Confusion", "By class", "taken for", "predicted right",
                                 "Can its probabilities be trusted?", "<td>Classes</td>"})
    EXPECT_EQ(page.find(of_classes), std::string::npos) << of_classes;
}

TEST(Numbers, NoChartOfFewOrOfClasses) {
  const test::ScratchDir scratch;
  RunFolder run = numbers(scratch);
  EXPECT_NE(numbers_chart(run, "test"), "");
  EXPECT_EQ(numbers_chart(run, "validation"), "");
  run.predictions.resize(29);
  EXPECT_EQ(numbers_chart(run, "test"), "");
  const test::ScratchDir other;
  test::write_run(other.path());
  EXPECT_EQ(numbers_chart(read_run_folder(other.path()), "test"), "");
}

TEST(Texts, StandWhereAPictureWould) {
  const test::ScratchDir scratch;
  const RunFolder run = numbers(scratch);
  const std::string page =
      render_run(run, {.words = [](const std::string& input) -> std::string {
                         return input == "test/line:7" ? "a <b>text</b> \xff" : "";
                       },
                       .examples = 2});
  EXPECT_NE(page.find("a &lt;b&gt;text&lt;/b&gt; \uFFFD"), std::string::npos);
  EXPECT_EQ(page.find("test/line:7<"), std::string::npos);
  EXPECT_NE(page.find("test/line:0<"), std::string::npos) << "no text: its name";
}

}  // namespace
}  // namespace graft::report
