#include <gtest/gtest.h>

#include <algorithm>

#include "graft/base/rng.h"
#include "graft/image/codec.h"
#include "graft/image/draw.h"
#include "graft/report/box_charts.h"
#include "graft/report/box_examples.h"
#include "graft/report/compare_page.h"
#include "graft/report/run_page.h"
#include "graft/report/summary_table.h"
#include "tests/support/support.h"
#include "tests/unit/report/fixture.h"

/// Runs that find objects in pictures.
namespace graft::report {
namespace {

using test::ScratchDir;
using test::unbalanced;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Json object(const char* name, const Json& box) {
  return {{"class", name}, {"box", box}};
}
Json found(const char* name, double score, const Json& box) {
  return {{"class", name}, {"score", score}, {"box", box}};
}
/// Vectors, because a Json in braces would be a copy and not a list of one.
Json line(const std::string& input, const std::vector<Json>& objects,
          const std::vector<Json>& boxes) {
  return {
      {"split", "test"}, {"input", input}, {"objects", objects}, {"found", boxes}, {"loss", 1.5}};
}

const Json kLeft = {10, 10, 60, 60}, kRight = {100, 20, 140, 90}, kBelow = {20, 200, 50, 240};

/// Two classes, and each kind of mistake: a.jpg has a right box, a cat taken for a dog, and a box
/// on nothing; b.jpg a missed dog, a crowd and a difficult object; c.jpg a second box and one with
/// a low score.
std::vector<Json> pictures() {
  Json crowd = object("cat", kLeft);
  crowd["crowd"] = true;
  Json difficult = object("dog", kRight);
  difficult["difficult"] = true;
  return {line("test/a.jpg", {object("cat", kLeft), object("cat", kRight)},
               {found("cat", 0.9, kLeft), found("dog", 0.8, kRight), found("dog", 0.7, kBelow)}),
          line("test/b.jpg", {crowd, difficult, object("dog", kBelow)},
               {found("cat", 0.6, kLeft), found("cat", 0.6, {10, 10, 40, 60})}),
          line("test/c.jpg", {object("dog", kLeft)},
               {found("dog", 0.9, kLeft), found("dog", 0.5, {12, 10, 62, 60}),
                found("cat", 0.1, kRight)})};
}

Json detection_summary() {
  return {{"status", "completed"},
          {"task", "object-detection"},
          {"problem_type", "object_detection"},
          {"model", "yolo_fastest_1.1"},
          {"method", "none"},
          {"strategy", "incremental"},
          {"metric", {{"name", "AP50"}, {"split", "test"}, {"value", 0.75}, {"validation", 0.8}}},
          {"metrics", {{"AP50", {{"value", 0.75}, {"low", 0.6}, {"high", 0.9}}}}},
          {"classes", {"cat", "dog"}},
          {"detection",
           {{"threshold", 0.4},
            {"nms", 0.45},
            {"AP", 0.55},
            {"AP50", 0.75},
            {"APs", nullptr},
            {"VOC07", 0.71},
            {"ms_per_image", 12.5}}},
          {"per_class",
           {{{"class", "cat"}, {"objects", 1}, {"found", 3}, {"AP", 0.3}, {"AP50", 0.5}},
            {{"class", "dog"}, {"objects", 2}, {"found", 4}, {"AP", 0.8}, {"AP50", 1.0}}}}};
}

RunFolder make(const ScratchDir& dir, const std::vector<Json>& lines = pictures(),
               const Json& summary = detection_summary()) {
  write_json(dir / "summary.json", summary);
  test::write_lines(dir / "predictions.jsonl", lines);
  test::write_lines(dir / "log.jsonl", {{{"event", "start"}, {"task", "object-detection"}},
                                        {{"event", "step"}, {"step", 1}, {"loss", 3}},
                                        {{"event", "eval"},
                                         {"step", 1},
                                         {"split", "validation"},
                                         {"loss", 2},
                                         {"metrics", {{"AP50", 0.4}}}},
                                        {{"event", "end"}, {"status", "completed"}}});
  return read_run_folder(dir.path());
}

TEST(Boxes, LinesBecomePictures) {
  const ScratchDir dir;
  const RunFolder run = make(dir);
  EXPECT_TRUE(run.boxes);
  EXPECT_TRUE(run.predictions.empty());
  ASSERT_EQ(run.pictures.size(), 3U);
  const BoxedPicture& b = run.pictures[1];
  EXPECT_EQ(b.input, "test/b.jpg");
  EXPECT_EQ(b.loss, 1.5);
  ASSERT_EQ(b.objects.size(), 3U);
  EXPECT_TRUE(b.objects[0].crowd && !b.objects[0].difficult);
  EXPECT_TRUE(b.objects[1].difficult && !b.objects[1].crowd);
  EXPECT_EQ(b.objects[2].label, 1);
  EXPECT_EQ(b.objects[2].box.x, 20);
  EXPECT_EQ(b.objects[2].box.height, 40);
  EXPECT_EQ(b.objects[2].area, 30 * 40);
  ASSERT_EQ(b.found.size(), 2U);
  EXPECT_EQ(b.found[0].score, 0.6);
}

TEST(Boxes, WhatIsNoBoxIsCountedAndLeftOut) {
  const ScratchDir dir;
  std::vector<Json> lines = pictures();
  for (const Json& bad : {object("cat", {1, 2, 3}), object("cat", {1, 2, 3, nullptr}),
                          object("cat", "everywhere"), Json{{"box", kLeft}}, Json("cat")})
    lines.push_back(line("bad", {bad}, {}));
  lines.push_back(line("bad", {}, {object("cat", kLeft)}));
  lines.push_back({{"split", "test"}, {"input", "bad"}, {"objects", "cat"}});
  lines.push_back({{"split", "test"},
                   {"input", "more classes"},
                   {"objects", Json::array({object("cow", kLeft)})}});
  const RunFolder run = make(dir, lines);
  ASSERT_EQ(run.pictures.size(), 4U);
  EXPECT_EQ(run.classes, (std::vector<std::string>{"cat", "dog", "cow"}));
  EXPECT_EQ(run.pictures[3].objects[0].label, 2);
  ASSERT_EQ(run.notes.size(), 1U);
  EXPECT_TRUE(has(run.notes[0], "7 lines")) << run.notes[0];
}

TEST(Boxes, ConfusionHasABackground) {
  const ScratchDir dir;
  const RunFolder run = make(dir);
  const BoxMeasure measure(run, "test");
  EXPECT_EQ(measure.threshold(), 0.4);
  const Confusion confusion = count_box_confusion(run, measure);
  ASSERT_EQ(confusion.classes, (std::vector<std::string>{"cat", "dog", "background"}));
  const std::vector<std::vector<int64_t>> expected = {{1, 1, 0}, {0, 1, 1}, {0, 2, 0}};
  for (size_t a = 0; a < 3; ++a) {
    for (size_t p = 0; p < 3; ++p) EXPECT_EQ(confusion.at(a, p), expected[a][p]) << a << " " << p;
  }
  EXPECT_EQ(confusion.actual, (std::vector<int64_t>{2, 2, 2}));
}

TEST(Boxes, ClassesWithoutBoxesAreNoPartOfTheConfusion) {
  const ScratchDir dir;
  Json summary = detection_summary();
  summary["classes"] = Json::array({"dog"});
  for (int i = 0; i < 100; ++i) summary["classes"].push_back("class " + std::to_string(i));
  const RunFolder run = make(dir, pictures(), summary);
  const Confusion confusion = count_box_confusion(run, BoxMeasure(run, "test"));
  EXPECT_EQ(confusion.classes, (std::vector<std::string>{"dog", "cat", "background"}));
  EXPECT_EQ(confusion.at(1, 0), 1);
  EXPECT_TRUE(confusion.is_small());
}

TEST(Boxes, WithoutAThresholdTheBestOneIsTaken) {
  const ScratchDir dir;
  Json summary = detection_summary();
  summary["detection"]["threshold"] = nullptr;
  const RunFolder run = make(dir, pictures(), summary);
  EXPECT_EQ(BoxMeasure(run, "test").threshold(), 0.9);
  EXPECT_EQ(BoxMeasure(run, "validation").threshold(), 0.5) << "nothing is known";
}

TEST(Boxes, ThePrecisionIsThatOfTheMeasure) {
  const ScratchDir dir;
  const RunFolder run = make(dir);
  const BoxMeasure measure(run, "test");
  const std::string chart = precision_recall_chart(measure);
  // Of two cats the first is found without a mistake before it, the other never: 51 of 101 points.
  EXPECT_NEAR(measure.scores().classes[0].figures.ap50, 51.0 / 101, 1e-9);
  EXPECT_TRUE(has(chart, "cat 0.50"));
  EXPECT_TRUE(has(chart, "mean 0.50"));
  EXPECT_TRUE(has(chart, "0.5,1 0.51,0 \""));
  EXPECT_TRUE(has(chart, ">1.0</text>")) << "the scale does not follow the points";
  EXPECT_EQ(unbalanced(chart), "");
  EXPECT_EQ(precision_recall_chart(BoxMeasure(run, "validation")), "");
}

TEST(Boxes, ManyClassesStayReadable) {
  const ScratchDir dir;
  Json summary = detection_summary();
  std::vector<Json> lines;
  summary["per_class"] = Json::array();
  for (int c = 0; c < 200; ++c) {
    const std::string name = "class " + std::to_string(c);
    lines.push_back(line("x", {object(name.c_str(), kLeft)}, {found(name.c_str(), 0.9, kLeft)}));
    summary["per_class"].push_back(
        {{"class", name}, {"objects", 1}, {"AP", 0.1}, {"AP50", 1 - c / 200.0}});
  }
  const RunFolder run = make(dir, lines, summary);
  const BoxMeasure measure(run, "test");
  EXPECT_LT(precision_recall_chart(measure).size(), 200'000U);
  const std::string bars = class_bars(run, measure);
  EXPECT_TRUE(has(bars, "of the 20 lowest of 200 classes"));
  EXPECT_LT(bars.find("class 199"), bars.find("class 180"));
  EXPECT_FALSE(has(bars, "class 179<"));
  EXPECT_EQ(unbalanced(render_run(run)), "");
}

TEST(Boxes, BarsComeFromTheSummaryElseFromThePredictions) {
  const ScratchDir dir;
  const RunFolder run = make(dir);
  const BoxMeasure measure(run, "test");
  const std::string written = class_bars(run, measure);
  for (const char* part : {"cat", "0.500", "0.300", "1.000", "Objects by class"})
    EXPECT_TRUE(has(written, part)) << part;
  RunFolder bare = run;
  bare.summary.erase("per_class");
  EXPECT_TRUE(has(class_bars(bare, measure), "0.505"));
}

TEST(Boxes, FalseBoxesComeByScoreOneAPicture) {
  const ScratchDir dir;
  std::vector<Json> lines = pictures();
  lines[0]["found"].push_back(found("cat", 0.55, {300, 300, 320, 320}));
  lines.push_back(
      line("test/d.jpg", {object("dog", kLeft)}, {found("cat", 0.99, {40, 10, 90, 60})}));
  const RunFolder run = make(dir, lines);
  const std::string html = false_positives(run, BoxMeasure(run, "test"), 10, {});
  EXPECT_EQ(unbalanced(html), "");
  const size_t d = html.find("test/d.jpg"), a = html.find("test/a.jpg"),
               c = html.find("test/c.jpg");
  EXPECT_LT(d, a);
  EXPECT_LT(a, c);
  EXPECT_NE(c, std::string::npos);
  for (const char* part :
       {"score 0.99", "overlaps dog by 0.25", "no object there", "one more box on dog"})
    EXPECT_TRUE(has(html, part)) << part;
  EXPECT_FALSE(has(html, "0.55")) << "a.jpg has a worse one";
  EXPECT_FALSE(has(html, "test/b.jpg"));
  EXPECT_FALSE(has(false_positives(run, BoxMeasure(run, "test"), 1, {}), "test/a.jpg"));
}

TEST(Boxes, MissedObjectsComeBySize) {
  const ScratchDir dir;
  std::vector<Json> lines = pictures();
  lines.push_back(line("test/d.jpg", {object("cat", {0, 0, 200, 100})},
                       {found("cat", 0.3, {0, 0, 200, 90}), found("dog", 0.35, {0, 0, 200, 100})}));
  const RunFolder run = make(dir, lines);
  const std::string html = missed_objects(run, BoxMeasure(run, "test"), 10, {});
  EXPECT_EQ(unbalanced(html), "");
  EXPECT_LT(html.find("test/d.jpg"), html.find("test/b.jpg"));
  for (const char* part : {"200 × 100", "only a box with score 0.30", "30 × 40", "no box"})
    EXPECT_TRUE(has(html, part)) << part;
  EXPECT_FALSE(has(html, "test/a.jpg")) << "a cat taken for a dog has a box";
}

TEST(Boxes, ACloseUpShowsTheBoxWhereItIs) {
  image::Image picture(640, 480, 128);
  image::fill_rectangle(picture, 300, 200, 320, 220, {250, 250, 0});
  CloseUp part(picture, {300, 200, 20, 20});
  // At least 48 pixels are shown, five times as large.
  ASSERT_EQ(part.image().width, 240);
  ASSERT_EQ(part.image().height, 240);
  const uint8_t* middle = part.image().at(120, 120);
  EXPECT_GT(middle[0], 240);
  EXPECT_LT(middle[2], 10);
  EXPECT_EQ(part.image().at(30, 30)[0], 128);
  part.outline({300, 200, 20, 20}, {0, 0, 255}, 3);
  EXPECT_EQ(part.image().at(71, 120)[2], 255) << "(300 - 286) x 5";
  EXPECT_EQ(part.image().at(64, 120)[2], 128);
  part.outline({0, 210, 1000, 500}, {0, 0, 255}, 3);
  EXPECT_EQ(part.image().at(0, 121)[2], 255) << "its upper side crosses the part";
  EXPECT_NE(part.image().at(0, 200)[2], 255) << "its left side lies outside";
  EXPECT_TRUE(part.uri().starts_with("data:image/jpeg;base64,/9j/"));
}

TEST(Boxes, ACloseUpStaysInThePicture) {
  const image::Image picture(100, 50, 9);
  for (const eval::MeasuredBox& box : {eval::MeasuredBox{-20, -20, 30, 30},
                                       {95, 45, 1e9, 1e9},
                                       {500, 500, 10, 10},
                                       {0, 0, 0, 0},
                                       {-1e300, -1e300, 2e300, 2e300},
                                       {99.9, 49.9, 5, 5},
                                       {10, 10, -5, -5}}) {
    CloseUp part(picture, box);
    EXPECT_EQ(std::max(part.image().width, part.image().height), 240) << box.x;
    part.outline(box, {255, 0, 0}, 2);
  }
  const image::Image thin(1, 3000, 9);
  EXPECT_EQ(CloseUp(thin, {0, 10, 1, 20}).image().height, 240);
}

TEST(Boxes, APageShowsEveryPart) {
  const ScratchDir dir;
  Json summary = detection_summary();
  summary["by_origin"] = {
      {"earlier", {{"classes", 1}, {"objects", 40}, {"AP50", {{"value", 0.8}}}}},
      {"new", {{"objects", 3}, {"AP50", {{"value", 0.4}, {"low", 0.3}, {"high", 0.5}}}}}};
  const RunFolder run = make(dir, pictures(), summary);
  int asked = 0;
  const std::string html = render_run(run, {.picture = [&](const std::string&) -> image::Image {
                                        ++asked;
                                        return {320, 240, 100};
                                      }});
  EXPECT_EQ(unbalanced(html), "");
  EXPECT_EQ(asked, 3) << "two with false boxes, one with a missed object";
  for (const char* part :
       {"AP50 (test)", "score of at least <b>0.400</b> are kept (the best F1 on validation)",
        "overlap by more than <b>0.450</b> the better one", "takes <b>12.5 ms</b>",
        "Figures of COCO and Pascal VOC", "Pascal VOC 2007", "Precision over recall",
        "Average precision by class", "dog taken for background: 1 of 2",
        "background taken for dog: 2 of 2", "By class", "Old and new classes", "known before",
        "<td>new</td>", "0.400 (0.300 – 0.500)", "Boxes without an object", "Objects without a box",
        "src=\"data:image/jpeg"})
    EXPECT_TRUE(has(html, part)) << part;
  for (const char* other : {"Worst examples", "predicted right", "nan", "probabilities be trusted"})
    EXPECT_FALSE(has(html, other)) << other;
  EXPECT_TRUE(has(html, "<td class=\"num\">1</td><td class=\"num\">40</td>"))
      << "objects are counted, not shares";
  EXPECT_EQ(html, render_run(run, {.picture = [](const std::string&) -> image::Image {
                               return {320, 240, 100};
                             }}));
}

TEST(Boxes, APageOfAlmostNothing) {
  const ScratchDir dir;
  for (const std::vector<Json>& lines : {std::vector<Json>{},
                                         {line("x", {}, {})},
                                         {line("x", {object("cat", kLeft)}, {})},
                                         {line("x", {}, {found("cat", 0.9, kLeft)})}}) {
    const RunFolder run = make(dir, lines, {{"task", "object-detection"}});
    const std::string html = render_run(run);
    EXPECT_EQ(unbalanced(html), "");
    EXPECT_FALSE(has(html, "nan"));
  }
}

TEST(Boxes, EscapesAndSurvivesDamage) {
  const ScratchDir dir;
  const std::string evil = "<script>alert('x')</script>";
  std::vector<Json> lines = pictures();
  lines.push_back(line(evil, {object(evil.c_str(), kBelow)}, {found(evil.c_str(), 0.9, kRight)}));
  Json summary = detection_summary();
  summary["by_origin"] = {{evil, {{evil, 1}}}};
  EXPECT_FALSE(has(render_run(make(dir, lines, summary)), "<script>alert"));
  for (const char* name : {"summary.json", "predictions.jsonl"}) {
    const std::string good = test::read_text(dir / name);
    for (uint64_t round = 0; round < 100; ++round) {
      Rng rng({round, good.size()});
      std::string bad = good;
      for (int i = 0; i < 6; ++i) bad[rng.below(bad.size())] = static_cast<char>(rng.below(256));
      test::write_text(dir / name, bad);
      EXPECT_EQ(unbalanced(render_run(read_run_folder(dir.path()))), "") << name << " " << round;
    }
    test::write_text(dir / name, good);
  }
}

TEST(Boxes, RunsAreCompared) {
  const ScratchDir dir;
  const ScratchDir other;
  const std::vector<RunFolder> runs = {make(dir), make(other)};
  const std::string html = render_comparison(runs);
  EXPECT_EQ(unbalanced(html), "");
  for (const char* part : {"AP50 (test)", "0.7500", "object-detection", "Validation AP50 by step"})
    EXPECT_TRUE(has(html, part)) << part;
  const ScratchDir classes;
  test::write_run(classes.path());
  EXPECT_EQ(unbalanced(render_comparison({runs[0], read_run_folder(classes.path())})), "");
  EXPECT_TRUE(has(summary_table(runs[0]), "AP50 (test)"));
}

}  // namespace
}  // namespace graft::report
