#include "graft/report/box_charts.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "graft/report/bars.h"
#include "graft/report/chart.h"
#include "graft/report/lookup.h"
#include "graft/report/text.h"

namespace graft::report {
namespace {

constexpr size_t kNamedCurves = 7;  // the mean has the eighth colour
constexpr size_t kMostCurves = 60;
constexpr size_t kMostBars = 20;

struct ClassCurve {
  int label;
  std::string name;
  int64_t objects;
  double average;
  eval::PrecisionCurve curve;
};

/// Classes that have objects, the most frequent ones first.
std::vector<ClassCurve> curves_of(const BoxMeasure& measure) {
  std::vector<ClassCurve> curves;
  const auto& classes = measure.scores().classes;
  for (size_t label = 0; label < classes.size(); ++label) {
    const eval::ClassBoxes& one = classes[label];
    if (one.objects == 0) continue;
    curves.push_back({static_cast<int>(label), one.name, one.objects, one.figures.ap50,
                      measure.metric().curve(static_cast<int>(label))});
  }
  std::sort(curves.begin(), curves.end(), [](const ClassCurve& a, const ClassCurve& b) {
    return a.objects != b.objects ? a.objects > b.objects : a.label < b.label;
  });
  return curves;
}

std::vector<Point> points_of(const std::array<double, eval::PrecisionCurve::kPoints>& precision) {
  std::vector<Point> points;
  for (size_t i = 0; i < precision.size(); ++i) {
    points.push_back({eval::PrecisionCurve::recall(i), precision[i]});
    // What lies beyond the highest recall is 0 throughout.
    if (precision[i] == 0) break;
  }
  return points;
}

std::string with_average(const std::string& name, double average) {
  return shorten(name, 30) + " " + show_fixed(average, 2);
}

struct ClassFigures {
  std::string name;
  double objects, ap, ap50;
};

std::vector<ClassFigures> figures_of(const RunFolder& run, const BoxMeasure& measure) {
  std::vector<ClassFigures> all;
  const Json& rows = value_at(run.summary, {"per_class"});
  if (rows.is_array()) {
    for (const Json& row : rows) {
      all.push_back({text_at(row, {"class"}), number_or_nan(row, {"objects"}),
                     number_or_nan(row, {"AP"}), number_or_nan(row, {"AP50"})});
    }
  }
  if (!all.empty()) return all;
  for (const eval::ClassBoxes& one : measure.scores().classes) {
    all.push_back({one.name, static_cast<double>(one.objects), one.figures.ap, one.figures.ap50});
  }
  return all;
}

}  // namespace

std::string precision_recall_chart(const BoxMeasure& measure) {
  const std::vector<ClassCurve> curves = curves_of(measure);
  if (curves.empty()) return "";
  LineChart chart;
  chart.title = "Precision over recall";
  chart.note = "overlap 0.5; the area below is AP50";
  chart.x_label = "recall";
  chart.x_range = chart.y_range = Range{0, 1};
  std::array<double, eval::PrecisionCurve::kPoints> mean{};
  for (size_t c = 0; c < curves.size(); ++c) {
    for (size_t i = 0; i < mean.size(); ++i)
      mean[i] += curves[c].curve.precision[i] / static_cast<double>(curves.size());
    if (c >= kMostCurves) continue;
    Series series{.name = with_average(curves[c].name, curves[c].average),
                  .points = points_of(curves[c].curve.precision),
                  .color = static_cast<int>(c % kNamedCurves) + 1};
    series.listed = c < kNamedCurves;
    if (!series.listed) series.stroke = Stroke::faint;
    chart.series.push_back(series);
  }
  if (curves.size() > kNamedCurves) chart.note += "; the most frequent classes are named";
  if (curves.size() > 1) {
    const double average = measure.scores().figures.ap50;
    chart.series.push_back({.name = with_average("mean", average),
                            .points = points_of(mean),
                            .stroke = Stroke::dashed});
  }
  return render(chart);
}

std::string class_bars(const RunFolder& run, const BoxMeasure& measure) {
  std::vector<ClassFigures> classes = figures_of(run, measure);
  std::erase_if(classes, [](const ClassFigures& one) { return !std::isfinite(one.ap50); });
  if (classes.empty()) return "";
  std::string note = "AP50, and below it AP";
  if (classes.size() > kMostBars) {
    note += " of the " + std::to_string(kMostBars) + " lowest of " +
            std::to_string(classes.size()) + " classes";
    std::sort(classes.begin(), classes.end(), [](const ClassFigures& a, const ClassFigures& b) {
      return std::tie(a.ap50, a.name) < std::tie(b.ap50, b.name);
    });
    classes.resize(kMostBars);
  }
  BarChart precision{.title = "Average precision by class", .note = note, .bars = {}, .full = 1};
  BarChart objects{.title = "Objects by class", .note = "", .bars = {}, .full = {}};
  for (const ClassFigures& one : classes) {
    const std::string name = shorten(one.name, 40);
    precision.bars.push_back({name, one.ap50, show_fixed(one.ap50), {}, {}, 0});
    precision.bars.push_back({"", one.ap, show_fixed(one.ap), {}, {}, 5});
    objects.bars.push_back({name, one.objects, show_whole(one.objects), {}, {}, 7});
  }
  return render(precision) + render(objects);
}

Confusion count_box_confusion(const RunFolder& run, const BoxMeasure& measure) {
  const size_t background = run.classes.size();
  std::map<std::pair<size_t, size_t>, int64_t> counts;
  for (const BoxedPicture* picture : measure.pictures()) {
    const eval::BoxPairs pairs = measure.pairs(*picture);
    for (size_t b = 0; b < picture->found.size(); ++b) {
      const auto predicted = static_cast<size_t>(picture->found[b].label);
      const eval::Fate fate = pairs.fates[b];
      if (fate == eval::Fate::alone) ++counts[{background, predicted}];
      if (fate != eval::Fate::right && fate != eval::Fate::confused) continue;
      const auto object = static_cast<size_t>(pairs.object_of[b]);
      ++counts[{static_cast<size_t>(picture->objects[object].label), predicted}];
    }
    for (size_t i = 0; i < picture->objects.size(); ++i) {
      if (pairs.is_missed(picture->objects, i))
        ++counts[{static_cast<size_t>(picture->objects[i].label), background}];
    }
  }
  std::set<size_t> present = {background};
  for (const auto& [pair, count] : counts) present.insert({pair.first, pair.second});

  Confusion confusion;
  confusion.counted = "Objects";
  std::map<size_t, size_t> position;
  for (const size_t label : present) {
    position[label] = confusion.classes.size();
    confusion.classes.push_back(label == background ? "background" : run.classes[label]);
  }
  confusion.actual.assign(present.size(), 0);
  for (const auto& [pair, count] : counts) {
    const auto [actual, predicted] = pair;
    confusion.counts[{position[actual], position[predicted]}] = count;
    confusion.actual[position[actual]] += count;
  }
  return confusion;
}

}  // namespace graft::report
