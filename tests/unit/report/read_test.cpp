#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "graft/base/error.h"
#include "graft/report/lines.h"
#include "graft/report/outcome.h"
#include "graft/report/run_folder.h"
#include "tests/support/support.h"
#include "tests/unit/report/fixture.h"

namespace graft::report {
namespace {

using test::ScratchDir;
using test::write_lines;
using test::write_text;

Json step(int64_t number, double loss, double t) {
  return {{"event", "step"}, {"t", t},       {"step", number},
          {"loss", loss},    {"samples", 4}, {"step_s", 0.5}};
}
Json start(bool resumed) {
  return {{"event", "start"}, {"t", 1.0}, {"resumed", resumed}};
}

TEST(RunFolder, ReadsAFinishedRun) {
  ScratchDir dir;
  test::write_run(dir / "first");
  const RunFolder run = read_run_folder(dir / "first");
  EXPECT_TRUE(run.notes.empty());
  EXPECT_EQ(run.name, "first");
  EXPECT_EQ(run.status(), "completed");
  EXPECT_EQ(run.field("model"), "resnet18-cifar10");
  EXPECT_EQ(run.field("method"), "lora");
  EXPECT_EQ(run.classes.size(), 5u);
  EXPECT_EQ(run.log.steps.size(), 200u);
  EXPECT_EQ(run.log.evals.size(), 10u);
  EXPECT_EQ(run.log.stages.size(), 2u);
  EXPECT_EQ(run.log.stages[1].blocks, (std::vector<std::string>{"layer3", "layer4", "head"}));
  EXPECT_TRUE(std::isnan(run.log.steps[0].grad_norm));
  EXPECT_EQ(run.predictions.size(), 150u);
  EXPECT_EQ(run.candidates().size(), 3u);
  // The batch decision stands in the plan and in the log, and is one decision.
  EXPECT_EQ(run.decisions().size(), 3u);
  const Headline judged = headline(run);
  EXPECT_EQ(headline_title(judged), "accuracy (test)");
  EXPECT_DOUBLE_EQ(judged.measure.value, 0.82);
  EXPECT_DOUBLE_EQ(*judged.measure.low, 0.82 - 0.061);
  EXPECT_FALSE(judged.provisional);
  const Outcome o = outcome(run);
  EXPECT_DOUBLE_EQ(o.saved_flops, 0.71);
  EXPECT_DOUBLE_EQ(o.samples, 6400);
}

TEST(RunFolder, ReadsARunThatIsStillGoingOn) {
  ScratchDir dir;
  test::write_run(dir / "live", {.finished = false});
  std::filesystem::remove(dir / "live" / "plan.json");
  std::ofstream(dir / "live" / "log.jsonl", std::ios::app)
      << R"({"event":"step","t":40,"step":201,"lo)";
  const RunFolder run = read_run_folder(dir / "live");
  EXPECT_TRUE(run.notes.empty()) << run.notes[0];
  EXPECT_EQ(run.status(), "running");
  EXPECT_EQ(run.log.steps.size(), 200u);
  const Headline judged = headline(run);
  EXPECT_TRUE(judged.provisional);
  EXPECT_EQ(judged.split, "validation");
  EXPECT_DOUBLE_EQ(outcome(run).steps, 200);
  EXPECT_NEAR(outcome(run).wall_s, run.log.wall_s, 1e-12);
}

TEST(RunFolder, NamesBrokenFilesAndGoesOn) {
  ScratchDir dir;
  test::write_run(dir / "run");
  write_text(dir / "run" / "summary.json", "{\"status\": ");
  write_text(dir / "run" / "config.yaml", "a: [1, 2\nb: }");
  write_text(dir / "run" / "log.jsonl",
             "{\"event\":\"start\"}\nnot json\n[1]\n{\"event\":\"later kind\"}\n\n7");
  const RunFolder run = read_run_folder(dir / "run");
  ASSERT_EQ(run.notes.size(), 3u);
  EXPECT_NE(run.notes[0].find("config.yaml"), std::string::npos);
  EXPECT_NE(run.notes[1].find("summary.json"), std::string::npos);
  EXPECT_EQ(run.notes[2], "log.jsonl: 2 lines could not be read");
  EXPECT_EQ(run.status(), "running");
}

TEST(RunFolder, RefusesWhatIsNoRun) {
  ScratchDir dir;
  EXPECT_GRAFT_ERROR(read_run_folder(dir.path()), ErrorCode::unreadable, "is no run");
  EXPECT_GRAFT_ERROR(read_run_folder(dir / "absent"), ErrorCode::unreadable, "is not a folder");
  write_text(dir / "file", "x");
  EXPECT_GRAFT_ERROR(read_run_folder(dir / "file"), ErrorCode::unreadable, "is not a folder");
}

TEST(RunFolder, TrailingSlashKeepsTheName) {
  ScratchDir dir;
  test::write_run(dir / "named");
  EXPECT_EQ(read_run_folder((dir / "named").string() + "/").name, "named");
}

TEST(RunFolder, WrongKindsAreAbsent) {
  ScratchDir dir;
  write_text(
      dir / "summary.json",
      R"({"status": 3, "metric": [1], "loss": "high", "parameters": 4, "classes": {"a": 1}, "saved": null})");
  write_text(dir / "log.jsonl", R"({"event":"step","step":"x","loss":null,"t":"y"}
{"event":"stage","blocks":5,"name":null}
{"event":"eval","metrics":[1,2]}
{"event":17}
{"event":"step","step":1e300,"loss":1}
)");
  write_text(dir / "predictions.jsonl",
             "{}\n{\"label\": {\"a\": 1}, \"predicted\": null, \"loss\": \"x\"}\n");
  const RunFolder run = read_run_folder(dir.path());
  EXPECT_EQ(run.status(), "3");
  EXPECT_TRUE(headline(run).name.empty());
  EXPECT_TRUE(std::isnan(outcome(run).loss));
  EXPECT_TRUE(run.classes.empty());
  ASSERT_EQ(run.log.steps.size(), 2u);
  EXPECT_EQ(run.log.steps[1].step, 0);
  EXPECT_EQ(run.predictions.size(), 2u);
}

TEST(RunFolder, DeepNestingIsALineThatCannotBeRead) {
  ScratchDir dir;
  const std::string deep(200000, '[');
  write_text(dir / "log.jsonl", "{\"event\":\"start\",\"x\":" + deep +
                                    "\n{\"event\":\"start\",\"x\":\"" + deep + "\"}\n");
  const RunFolder run = read_run_folder(dir.path());
  EXPECT_EQ(run.log.broken_lines, 1);
  EXPECT_EQ(run.log.processes, 1) << "brackets in a string are no nesting";
}

TEST(RunLog, ResumeReplacesTheLostPart) {
  ScratchDir dir;
  write_lines(dir / "log.jsonl",
              {start(false),
               step(1, 9, 2),
               step(2, 8, 3),
               step(3, 7, 4),
               {{"event", "eval"}, {"t", 4.5}, {"step", 3}, {"split", "validation"}, {"loss", 5}},
               {{"event", "end"}, {"t", 5}, {"status", "interrupted"}},
               start(true),
               step(3, 6, 2),
               step(4, 5, 3)});
  const RunLog log = read_run_log(dir / "log.jsonl");
  ASSERT_EQ(log.steps.size(), 4u);
  EXPECT_DOUBLE_EQ(log.steps[2].loss, 6);
  EXPECT_TRUE(log.evals.empty()) << "step 3 was done again, its evaluation was not";
  EXPECT_EQ(log.processes, 2);
  EXPECT_EQ(log.end_status, "");
  EXPECT_DOUBLE_EQ(log.steps[1].time, 3);
  EXPECT_DOUBLE_EQ(log.steps[3].time, 5 + 3) << "the seconds of both processes";
  EXPECT_DOUBLE_EQ(log.wall_s, 8);
}

TEST(RunLog, AFreshStartForgetsAnEarlierRun) {
  ScratchDir dir;
  write_lines(dir / "log.jsonl", {start(false), step(1, 9, 20), start(false), step(1, 4, 2)});
  const RunLog log = read_run_log(dir / "log.jsonl");
  ASSERT_EQ(log.steps.size(), 1u);
  EXPECT_DOUBLE_EQ(log.steps[0].loss, 4);
  EXPECT_DOUBLE_EQ(log.wall_s, 2);
}

TEST(RunFolder, AResumedRunIsRunningAlthoughItHasASummary) {
  ScratchDir dir;
  write_lines(dir / "log.jsonl",
              {start(false), step(1, 1, 1), {{"event", "end"}, {"status", "interrupted"}}});
  write_text(dir / "summary.json", R"({"status":"interrupted"})");
  EXPECT_EQ(read_run_folder(dir.path()).status(), "interrupted");
  std::ofstream(dir / "log.jsonl", std::ios::app) << start(true).dump() << "\n";
  EXPECT_EQ(read_run_folder(dir.path()).status(), "running");
}

TEST(RunFolder, ReadsMultiLabelPredictionsAndClassNumbers) {
  ScratchDir dir;
  write_text(dir / "summary.json", R"({"classes":["a","b","c"]})");
  write_text(dir / "predictions.jsonl",
             R"({"input":"x","label":["a","c"],"predicted":["c","a"],"loss":0.1}
{"input":"y","label":["b"],"predicted":[],"loss":2}
{"input":"z","label":2,"predicted":9,"loss":2}
)");
  const RunFolder run = read_run_folder(dir.path());
  EXPECT_TRUE(run.multi_label);
  ASSERT_EQ(run.predictions.size(), 3u);
  EXPECT_TRUE(run.predictions[0].correct());
  EXPECT_FALSE(run.predictions[1].correct());
  EXPECT_EQ(run.predictions[2].label[0], "c");
  EXPECT_EQ(run.predictions[2].predicted[0], "9");
}

TEST(Lines, HoldsMemoryAndFindsEveryEnd) {
  ScratchDir dir;
  // Lines around the size of the read buffer, one that is too long, and an unfinished one.
  const std::string edge(65535, 'a');
  write_text(dir / "f", edge + "\n" + "b\n" + std::string(300000, 'c') + "\n\nlast");
  std::vector<std::pair<size_t, bool>> seen;
  const LineCounts counts =
      for_each_line(dir / "f", 100000, [&](const std::string& line, bool ended) {
        seen.emplace_back(line.size(), ended);
        return true;
      });
  EXPECT_EQ(seen, (std::vector<std::pair<size_t, bool>>{
                      {65535, true}, {1, true}, {0, true}, {4, false}}));
  EXPECT_EQ(counts.too_long, 1);
  EXPECT_EQ(counts.lines, 3);
}

}  // namespace
}  // namespace graft::report
