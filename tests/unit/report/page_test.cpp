#include <gtest/gtest.h>

#include <cmath>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/report/calibration.h"
#include "graft/report/compare_page.h"
#include "graft/report/confusion.h"
#include "graft/report/run_page.h"
#include "graft/report/summary_table.h"
#include "tests/support/support.h"
#include "tests/unit/report/fixture.h"

namespace graft::report {
namespace {

using test::RunRecipe;
using test::ScratchDir;
using test::unbalanced;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

RunFolder make(const ScratchDir& dir, const std::string& name, const RunRecipe& recipe = {}) {
  test::write_run(dir / name, recipe);
  return read_run_folder(dir / name);
}

TEST(RunPage, ShowsEveryPart) {
  ScratchDir dir;
  const std::string html = render_run(make(dir, "first"));
  EXPECT_EQ(unbalanced(html), "");
  for (const char* part :
       {"accuracy (test)", "0.8200", "0.759 – 0.875 (95 %)", "completed", "resnet18-cifar10",
        "lora", "lp-ft", "Learning rate", "Confusion", "By class", "Worst examples", "71.0 % saved",
        "Prediction and outcome", "Peak resident memory", "largest power of two",
        "budget:\n  time: 60s", "Plans that were weighed", "of 1 min 00 s"}) {
    EXPECT_TRUE(has(html, part)) << part;
  }
  EXPECT_TRUE(has(html, ">adapters</text>")) << "the border of the second stage";
}

TEST(RunPage, LoadsNothing) {
  ScratchDir dir;
  const std::string html = render_run(make(dir, "first"));
  for (const char* part : {"src=\"http", "href=\"http", "@import", "url(", "<link"})
    EXPECT_FALSE(has(html, part)) << part;
  EXPECT_TRUE(has(html, "Content-Security-Policy"));
}

TEST(RunPage, IsTheSameEveryTime) {
  ScratchDir dir;
  const std::string once = render_run(make(dir, "a"));
  EXPECT_EQ(once, render_run(read_run_folder(dir / "a")));
}

TEST(RunPage, EscapesWhateverARunSays) {
  ScratchDir dir;
  const std::string evil = "<script>alert('x')</script>\"><img src=x onerror=y>";
  RunRecipe recipe;
  recipe.classes = {evil, "b"};
  recipe.method = evil;
  test::write_run(dir / "evil", recipe);
  test::write_lines(
      dir / "evil" / "log.jsonl",
      {{{"event", "start"}, {"task", evil}, {"version", evil}, {"device", evil}},
       {{"event", "warning"}, {"message", evil}},
       {{"event", "stage"}, {"step", 0}, {"stage", 0}, {"name", evil}, {"blocks", {evil}}},
       {{"event", "stage"}, {"step", 5}, {"stage", 1}, {"name", evil}, {"blocks", {evil}}},
       {{"event", "step"}, {"step", 1}, {"loss", 1}},
       {{"event", "step"}, {"step", 9}, {"loss", 2}},
       {{"event", "eval"}, {"step", 1}, {"split", evil}, {"loss", 1}, {"metrics", {{evil, 0.5}}}},
       {{"event", "decision"}, {"what", evil}, {"choice", {{evil, evil}}}, {"reason", evil}},
       {{"event", "end"}, {"status", evil}}});
  const RunFolder run = read_run_folder(dir / "evil");
  for (const auto& html : {render_run(run), render_comparison({run, make(dir, "plain")})}) {
    EXPECT_FALSE(has(html, "<script>alert"));
    EXPECT_FALSE(has(html, "<img src=x"));
    EXPECT_TRUE(has(html, "&lt;script&gt;alert(&#39;x&#39;)"));
    EXPECT_EQ(unbalanced(html), "");
  }
}

TEST(RunPage, PicturesComeFromTheCaller) {
  ScratchDir dir;
  const RunFolder run = make(dir, "first");
  int asked = 0;
  const auto page = render_run(run, {.picture = [&](const std::string& input) -> image::Image {
                                       switch (asked++ % 3) {
                                         case 0:
                                           return {400, 300, 77};
                                         case 1:
                                           return {};
                                         default:
                                           fail_unreadable("{} is gone", input);
                                       }
                                     },
                                     .examples = 9});
  EXPECT_EQ(asked, 9);
  size_t pictures = 0, at = 0;
  const std::string begin = "src=\"data:image/jpeg;base64,/9j/";
  while ((at = page.find(begin, at)) != std::string::npos) ++pictures, ++at;
  EXPECT_EQ(pictures, 3U) << "the others have their names";
  EXPECT_EQ(unbalanced(page), "");
}

TEST(RunPage, WorksWithAlmostNothing) {
  ScratchDir dir;
  test::write_text(dir / "log.jsonl", "{\"event\":\"start\"}\n");
  const RunFolder run = read_run_folder(dir.path());
  const std::string html = render_run(run);
  EXPECT_EQ(unbalanced(html), "");
  EXPECT_TRUE(has(html, "running"));
  EXPECT_FALSE(has(html, "nan"));
  EXPECT_EQ(unbalanced(render_comparison({run})), "");
  EXPECT_TRUE(has(summary_table(run), "running"));
}

TEST(RunPage, SurvivesDamagedFiles) {
  ScratchDir dir;
  test::write_run(dir / "run", {.steps = 40, .predictions = 40});
  int damaged = 0;
  for (const char* name :
       {"summary.json", "log.jsonl", "plan.json", "predictions.jsonl", "config.yaml"}) {
    const std::string good = test::read_text(dir / "run" / name);
    for (uint64_t round = 0; round < 20; ++round) {
      Rng rng({round, good.size()});
      std::string bad = good;
      for (int i = 0; i < 8; ++i) bad[rng.below(bad.size())] = static_cast<char>(rng.below(256));
      if (round % 4 == 0) bad.resize(rng.below(bad.size()));
      test::write_text(dir / "run" / name, bad);
      const RunFolder run = read_run_folder(dir / "run");
      damaged += run.notes.empty() ? 0 : 1;
      EXPECT_EQ(unbalanced(render_run(run)), "") << name << " " << round;
      EXPECT_EQ(unbalanced(render_comparison({run, run})), "") << name << " " << round;
      EXPECT_FALSE(summary_table(run).empty());
    }
    test::write_text(dir / "run" / name, good);
  }
  EXPECT_GT(damaged, 30);
}

TEST(RunPage, WorstExamplesAreSortedByLoss) {
  ScratchDir dir;
  test::write_run(dir / "run");
  test::write_text(dir / "run" / "predictions.jsonl",
                   R"({"split":"test","input":"mild","label":"cat","predicted":"dog","loss":1}
{"split":"test","input":"worst","label":"cat","predicted":"dog","loss":5}
{"split":"test","input":"broken","label":"cat","predicted":"dog","loss":null}
{"split":"test","input":"fine","label":"cat","predicted":"cat","loss":0.1}
)");
  const std::string html = worst_examples(read_run_folder(dir / "run"), "test", 3, {});
  EXPECT_LT(html.find("broken"), html.find("worst"));
  EXPECT_LT(html.find("worst"), html.find("mild"));
  EXPECT_FALSE(has(html, "fine"));
}

TEST(Confusion, CountsAndNamesTheWorstPairs) {
  RunFolder run;
  run.classes = {"cat", "dog"};
  const auto add = [&](const char* label, const char* predicted, int times,
                       const char* split = "test") {
    for (int i = 0; i < times; ++i)
      run.predictions.push_back({split, "", {label}, {predicted}, 0.5, 0.5, 1});
  };
  add("cat", "cat", 6);
  add("cat", "dog", 2);
  add("dog", "dog", 5);
  add("dog", "ship", 3);
  add("dog", "cat", 50, "validation");
  const Confusion confusion = count_confusion(run, "test");
  EXPECT_EQ(confusion.classes, (std::vector<std::string>{"cat", "dog", "ship"}));
  EXPECT_EQ(confusion.at(0, 1), 2);
  EXPECT_EQ(confusion.at(1, 0), 0);
  const auto pairs = most_confused(confusion, 5);
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].actual, "dog");
  EXPECT_EQ(pairs[0].predicted, "ship");
  EXPECT_DOUBLE_EQ(pairs[1].share, 0.25);
  const auto scores = class_scores(run, "test");
  ASSERT_EQ(scores.size(), 3u);
  EXPECT_DOUBLE_EQ(scores[0].recall, 0.75);
  EXPECT_DOUBLE_EQ(scores[1].precision, 5.0 / 7);
  EXPECT_DOUBLE_EQ(scores[1].f1, 2.0 * 5 / (8 + 7));
  EXPECT_DOUBLE_EQ(scores[2].precision, 0);
}

TEST(Confusion, ManyClassesGiveAListOfPairs) {
  RunFolder run;
  for (int c = 0; c < 5000; ++c) {
    run.predictions.push_back(
        {"test", "", {"class " + std::to_string(c)}, {"class 7"}, 0.5, 0.5, 1});
  }
  const std::string html = render(count_confusion(run, "test"));
  EXPECT_TRUE(has(html, "Taken for"));
  EXPECT_LT(html.size(), 10000u);
}

TEST(Calibration, ComparesProbabilityWithOutcome) {
  RunFolder run;
  for (int i = 0; i < 100; ++i) {
    const bool right = i < 60;
    run.predictions.push_back(
        {"test", "", {"a"}, {right ? "a" : "b"}, i % 2 ? 0.95 : 0.65, 0.5, 1});
  }
  const Calibration calibration = measure_calibration(run, "test");
  ASSERT_EQ(calibration.bins.size(), 2u);
  EXPECT_NEAR(calibration.bins[0].correct, 0.6, 1e-12);
  EXPECT_NEAR(calibration.error, 0.5 * 0.05 + 0.5 * 0.35, 1e-12);
  EXPECT_TRUE(has(render(calibration), "expected calibration error 0.200"));
}

TEST(ComparePage, ShowsDifferencesOnly) {
  ScratchDir dir;
  RunRecipe head;
  head.method = "none";
  head.strategy = "head";
  head.accuracy = 0.7;
  const std::vector<RunFolder> runs = {make(dir, "lora"), make(dir, "head", head)};
  const std::string differences = config_differences(runs).text();
  EXPECT_TRUE(has(differences, "method.name"));
  EXPECT_TRUE(has(differences, "strategy"));
  EXPECT_FALSE(has(differences, "seed"));
  EXPECT_FALSE(has(differences, "output"));
  const std::string table = comparison_table(runs).text();
  EXPECT_TRUE(has(table, "accuracy (test)"));
  EXPECT_TRUE(has(table, "0.7000"));
  const std::string html = render_comparison(runs);
  EXPECT_EQ(unbalanced(html), "");
  EXPECT_TRUE(has(html, "Validation accuracy by time"));
  EXPECT_GRAFT_ERROR(render_comparison({}), ErrorCode::usage, "at least one run");
}

TEST(ComparePage, RunsOfOneNameAreToldApart) {
  ScratchDir dir;
  const std::vector<RunFolder> runs = {make(dir, "a/out"), make(dir, "b/out")};
  const std::string table = comparison_table(runs).text();
  EXPECT_TRUE(has(table, (dir / "a/out").string()));
  EXPECT_TRUE(has(table, (dir / "b/out").string()));
}

TEST(SummaryTable, SaysWhatARunAchievedAndCost) {
  ScratchDir dir;
  const std::string text = summary_table(make(dir, "first"));
  for (const char* part :
       {"accuracy (test)        0.8200 [0.7590, 0.8750]", "accuracy (validation)  0.8300",
        "178 k of 11.2 M parameters (1.6 %)", "22.1 s (predicted 20.9 s)", "71.0 % FLOP",
        "49 % of 1 min 00 s", "290 images per second"}) {
    EXPECT_TRUE(has(text, part)) << part << "\n" << text;
  }
  EXPECT_FALSE(has(text, "–"));
}

}  // namespace
}  // namespace graft::report
