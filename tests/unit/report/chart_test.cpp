#include <gtest/gtest.h>

#include <cmath>

#include "graft/report/bars.h"
#include "graft/report/chart.h"
#include "graft/report/scale.h"
#include "graft/report/table.h"
#include "graft/report/text.h"

namespace graft::report {
namespace {

std::string labels(const std::vector<Tick>& ticks) {
  std::string out;
  for (const Tick& tick : ticks) out += (out.empty() ? "" : " ") + tick.label;
  return out;
}

TEST(Ticks, LinearAreRoundAndEquallyPrecise) {
  EXPECT_EQ(labels(linear_ticks({0, 1})), "0 0.2 0.4 0.6 0.8 1.0");
  EXPECT_EQ(labels(linear_ticks({0.13, 0.87}, 4)), "0.2 0.4 0.6 0.8");
  EXPECT_EQ(labels(linear_ticks({0, 1250})), "0 250 500 750 1000 1250");
  EXPECT_EQ(labels(linear_ticks({0, 100000})), "0 20k 40k 60k 80k 100k");
  EXPECT_EQ(labels(linear_ticks({0, 2.4e6}, 4)), "0 0.5M 1.0M 1.5M 2.0M");
  EXPECT_EQ(labels(linear_ticks({0, 1e-4}, 4)), "0 2.5e-5 5e-5 7.5e-5 1e-4");
  EXPECT_EQ(labels(linear_ticks({9e-4, 1.1e-3}, 4)), "9e-4 9.5e-4 1e-3 1.05e-3 1.1e-3");
  EXPECT_EQ(labels(linear_ticks({-0.5, 0.5}, 4)), "-0.50 -0.25 0 0.25 0.50");
}

TEST(Ticks, LogarithmicShowPowersOfTen) {
  EXPECT_EQ(labels(log_ticks({0.01, 10})), "0.01 0.1 1 10");
  EXPECT_EQ(labels(log_ticks({0.09, 2.1})), "0.1 0.2 0.5 1 2");
  EXPECT_EQ(labels(log_ticks({1e-8, 1e4})), "1e-8 1e-6 1e-4 0.01 1 100 10k");
  EXPECT_EQ(labels(log_ticks({2, 5}, 3)), "2 3 4 5");
}

TEST(Ticks, StayFewAndFiniteForStrangeRanges) {
  EXPECT_TRUE(linear_ticks({1, 1}).empty());
  EXPECT_TRUE(linear_ticks({2, 1}).empty());
  EXPECT_TRUE(linear_ticks({0, INFINITY}).empty());
  EXPECT_TRUE(linear_ticks({NAN, 1}).empty());
  EXPECT_TRUE(log_ticks({0, 1}).empty());
  EXPECT_TRUE(linear_ticks({1, 1 + 1e-15}).empty());
  for (const double scale : {1e-300, 1e-30, 1e-5, 1.0, 3.7, 1e5, 1e30, 1e300}) {
    for (const int target : {2, 5, 8}) {
      const auto found = linear_ticks({0.31 * scale, 1.73 * scale}, target);
      EXPECT_GE(found.size(), 1u) << scale;
      EXPECT_LE(found.size(), 2u * static_cast<size_t>(target)) << scale;
      for (const Tick& tick : found) {
        EXPECT_GE(tick.value, 0.31 * scale * (1 - 1e-8));
        EXPECT_LE(tick.value, 1.73 * scale * (1 + 1e-8));
        EXPECT_LE(tick.label.size(), 12u) << tick.label;
      }
    }
  }
}

TEST(Scale, PadsWithoutLeavingItsSign) {
  EXPECT_DOUBLE_EQ(padded(Scale::linear, {0, 10}).low, 0);
  EXPECT_DOUBLE_EQ(padded(Scale::linear, {0.1, 10}).low, 0);
  EXPECT_LT(padded(Scale::linear, {-1, 10}).low, -1);
  const Range flat = padded(Scale::linear, {3, 3});
  EXPECT_LT(flat.low, 3);
  EXPECT_GT(flat.high, 3);
  EXPECT_GT(padded(Scale::log, {1e-3, 1}).low, 0);
  EXPECT_DOUBLE_EQ(position(Scale::log, {1, 100}, 10), 0.5);
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Chart, BreaksLinesWhereValuesAreMissing) {
  LineChart chart;
  chart.series = {
      {.name = "loss", .points = {{0, 1}, {1, 2}, {2, NAN}, {3, INFINITY}, {4, 2}, {5, 1}}}};
  const std::string svg = render(chart);
  EXPECT_EQ(count(svg, "<polyline"), 2u);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
  EXPECT_NE(svg.find("data-v=\"0,1 1,2 \""), std::string::npos);
}

TEST(Chart, LogAxisLeavesOutWhatIsNotPositive) {
  LineChart chart;
  chart.y_scale = Scale::log;
  chart.series = {{.name = "loss", .points = {{0, 1}, {1, 0}, {2, -1}, {3, 100}}}};
  EXPECT_EQ(count(render(chart), "<polyline"), 2u);
}

TEST(Chart, SaysWhenThereIsNothing) {
  LineChart chart;
  chart.title = "Loss";
  chart.series = {{.name = "loss", .points = {{0, NAN}}}};
  const std::string html = render(chart);
  EXPECT_EQ(html.find("<svg"), std::string::npos);
  EXPECT_NE(html.find("Nothing was logged yet"), std::string::npos);
}

TEST(Chart, OnePointIsADot) {
  LineChart chart;
  chart.series = {{.name = "accuracy", .points = {{5, 0.5}}}};
  EXPECT_EQ(count(render(chart), "<circle"), 1u);
}

TEST(Chart, EscapesNames) {
  LineChart chart;
  chart.title = "<b>";
  chart.series = {{.name = "a\"><script>", .points = {{0, 1}, {1, 2}}},
                  {.name = "b", .points = {{0, 1}, {1, 3}}}};
  chart.borders = {{0.5, "<i>stage"}};
  const std::string html = render(chart);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("<i>stage"), std::string::npos);
  EXPECT_NE(html.find("&lt;i&gt;stage"), std::string::npos);
}

TEST(Thin, KeepsSpikesAndOrder) {
  std::vector<Point> points;
  points.reserve(100000);
  for (int i = 0; i < 100000; ++i)
    points.push_back({double(i), i == 54321 ? 99.0 : i == 777 ? -7.0 : std::sin(i)});
  const auto kept = thin(points, 600);
  EXPECT_LE(kept.size(), 602u);
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end(),
                             [](const Point& a, const Point& b) { return a.x < b.x; }));
  EXPECT_TRUE(std::any_of(kept.begin(), kept.end(), [](const Point& p) { return p.y == 99; }));
  EXPECT_TRUE(std::any_of(kept.begin(), kept.end(), [](const Point& p) { return p.y == -7; }));
}

TEST(Smooth, HasNoStartUpBiasAndPassesOverGaps) {
  const auto out = smooth({{0, 4}, {1, NAN}, {2, 4}, {3, 4}}, 10);
  ASSERT_EQ(out.size(), 3u);
  for (const Point& point : out) EXPECT_NEAR(point.y, 4, 1e-12);
  const auto step = smooth({{0, 0}, {1, 1}}, 2);
  EXPECT_NEAR(step[1].y, 1 / 1.5, 1e-12);
}

TEST(Bars, KeepZeroOnTheScaleAndWhiskersInside) {
  BarChart chart;
  chart.bars = {
      {"<a>", 0.5, "0.5", 0.4, 0.8}, {"b", -0.2, "-0.2", {}, {}}, {"c", NAN, "–", {}, {}}};
  const std::string html = render(chart);
  // The scale reaches from -0.2 to 0.8: zero lies at a fifth.
  EXPECT_NE(html.find("left:20.00%;width:50.00%"), std::string::npos);
  EXPECT_NE(html.find("left:60.00%;width:40.00%"), std::string::npos);
  EXPECT_NE(html.find("left:0.00%;width:20.00%"), std::string::npos);
  EXPECT_EQ(html.find("nan"), std::string::npos);
  EXPECT_NE(html.find("&lt;a&gt;"), std::string::npos);
}

TEST(Table, AlignsTextAndEscapesHtml) {
  Table table({{"Name"}, {"Size", Align::right}});
  table.row({"Zürich", "5"});
  table.row({"a & b\nc", "12 345"});
  EXPECT_EQ(table.text(), "Name       Size\nZürich        5\na & b c  12 345\n");
  EXPECT_NE(table.html().find("a &amp; b"), std::string::npos);
  EXPECT_NE(table.html().find("<td class=\"num\">5</td>"), std::string::npos);
}

TEST(Text, EscapesAndRepairs) {
  EXPECT_EQ(escape("<a href='x'>\"&"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
  EXPECT_EQ(escape("ä€😀\n"), "ä€😀\n");
  EXPECT_EQ(escape("a\xFF"
                   "b\x01\xC3"),
            "a\uFFFD"
            "b\uFFFD\uFFFD");
  EXPECT_EQ(escape("\xC0\xBC"), "\uFFFD\uFFFD") << "an overlong '<'";
  EXPECT_EQ(escape("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
}

TEST(Text, ShortensByCharacters) {
  EXPECT_EQ(shorten("äöü", 3), "äöü");
  EXPECT_EQ(shorten("äöüß", 3), "äö…");
  EXPECT_EQ(shorten("", 3), "");
}

TEST(Text, ShowsNumbers) {
  EXPECT_EQ(show_number(0.81999), "0.8200");
  EXPECT_EQ(show_number(123456), "123\u202f456");
  EXPECT_EQ(show_number(1234), "1234");
  EXPECT_EQ(show_number(3.2e-7, 3), "3.20e-07");
  EXPECT_EQ(show_number(NAN), "–");
  EXPECT_EQ(show_percent(-0.0001), "0.0 %");
  EXPECT_EQ(show_whole(1234567), "1\u202f234\u202f567");
  EXPECT_EQ(show_whole(-12345), "-12\u202f345");
  EXPECT_EQ(show_measure({0.5, 0.25, 0.75}), "0.5000 [0.2500, 0.7500]");
  EXPECT_EQ(show_measure({0.5, 0.25, {}}), "0.5000");
}

}  // namespace
}  // namespace graft::report
