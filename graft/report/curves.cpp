#include "graft/report/curves.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/report/lookup.h"

namespace graft::report {
namespace {

constexpr size_t kFewToSmooth = 40;
constexpr double kMebibyte = 0x1p20;

std::vector<Border> stage_borders(const RunLog& log) {
  std::vector<Border> borders;
  if (log.stages.size() < 2) return borders;
  for (const StageEvent& stage : log.stages) {
    borders.push_back({static_cast<double>(stage.step), stage.name});
  }
  return borders;
}

LineChart chart_of(const RunFolder& run, const std::string& title) {
  LineChart chart;
  chart.title = title;
  chart.x_label = "step";
  chart.borders = stage_borders(run.log);
  if (!run.log.steps.empty())
    chart.x_range = Range{0, static_cast<double>(run.log.steps.back().step)};
  return chart;
}

/// Steps that a running mean remembers.
double window_for(size_t steps) {
  return static_cast<double>(steps) / 50;
}

bool has_points(const std::vector<Point>& points) {
  return std::any_of(points.begin(), points.end(),
                     [](const Point& p) { return std::isfinite(p.y); });
}

std::set<std::string> eval_splits(const RunLog& log) {
  std::set<std::string> splits;
  for (const EvalEvent& eval : log.evals) splits.insert(eval.split);
  return splits;
}

/// A noisy field: every step faintly, and its running mean.
void add_noisy(LineChart& chart, const std::vector<Point>& raw, const std::string& name,
               int color) {
  const bool smoothed = raw.size() >= kFewToSmooth;
  if (smoothed) {
    Series every{.name = name, .points = thin(raw), .color = color, .stroke = Stroke::faint};
    every.listed = false;
    chart.series.push_back(every);
  }
  chart.series.push_back({.name = smoothed ? name + " (smoothed)" : name,
                          .points = smoothed ? thin(smooth(raw, window_for(raw.size()))) : raw,
                          .color = color});
}

void use_best_scale(LineChart& chart) {
  chart.y_scale = scale_for(chart.series);
  if (chart.y_scale == Scale::log)
    chart.note += chart.note.empty() ? "logarithmic" : ", logarithmic";
}

LineChart loss_chart(const RunFolder& run) {
  LineChart chart = chart_of(run, "Loss");
  add_noisy(chart, step_points(run.log, &StepEvent::loss), "training", 0);
  int color = 1;
  for (const auto& split : eval_splits(run.log)) {
    Series series = eval_series(run.log, split, "loss");
    series.color = color++;
    if (has_points(series.points)) chart.series.push_back(series);
  }
  use_best_scale(chart);
  return chart;
}

LineChart rate_chart(const RunFolder& run) {
  LineChart chart = chart_of(run, "Learning rate");
  chart.series = {
      {.name = "learning rate", .points = thin(step_points(run.log, &StepEvent::lr)), .color = 3}};
  return chart;
}

LineChart metric_chart(const RunFolder& run) {
  const Headline judged = headline(run);
  std::string metric = judged.name;
  if (metric.empty()) metric = "metric";
  LineChart chart = chart_of(run, "Evaluation: " + metric);
  int color = 1;
  for (const auto& split : eval_splits(run.log)) {
    Series series = eval_series(run.log, split, metric);
    series.color = color++;
    if (!has_points(series.points)) continue;
    if (!series.band.empty()) chart.note = "shaded: 95 % interval";
    chart.series.push_back(series);
  }
  if (chart.series.size() == 1) {
    chart.note = chart.series[0].name + (chart.note.empty() ? "" : ", " + chart.note);
  }
  return chart;
}

double memory_limit(const RunFolder& run) {
  const Json& value = value_at(run.config, {"budget", "memory"});
  try {
    return value.is_null() ? 0 : static_cast<double>(parse_bytes(value, "budget.memory"));
  } catch (const Error&) {
    return 0;
  }
}

LineChart memory_chart(const RunFolder& run) {
  LineChart chart = chart_of(run, "Memory");
  chart.note = "MiB";
  const auto mebibytes = [&](double StepEvent::* field) {
    auto points = thin(step_points(run.log, field));
    for (Point& point : points) point.y /= kMebibyte;
    return points;
  };
  chart.series = {
      {.name = "resident", .points = mebibytes(&StepEvent::rss_bytes), .color = 5},
      {.name = "tensors (peak)", .points = mebibytes(&StepEvent::tensor_peak_bytes), .color = 6}};
  std::erase_if(chart.series, [](const Series& s) { return !has_points(s.points); });
  const double limit = memory_limit(run);
  if (limit > 0 && !chart.series.empty()) {
    const auto& points = chart.series[0].points;
    Series line{
        .name = "budget",
        .points = {{points.front().x, limit / kMebibyte}, {points.back().x, limit / kMebibyte}},
        .color = 4};
    line.stroke = Stroke::dashed;
    chart.series.push_back(line);
  }
  return chart;
}

}  // namespace

std::vector<Point> step_points(const RunLog& log, double StepEvent::* field, Along along) {
  std::vector<Point> points;
  points.reserve(log.steps.size());
  for (const StepEvent& step : log.steps) {
    points.push_back(
        {along == Along::steps ? static_cast<double>(step.step) : step.time, step.*field});
  }
  return points;
}

Series eval_series(const RunLog& log, const std::string& split, const std::string& metric,
                   Along along) {
  Series series;
  series.name = split;
  series.dots = true;
  bool intervals = false;
  for (const EvalEvent& eval : log.evals) {
    if (eval.split != split) continue;
    const double x = along == Along::steps ? static_cast<double>(eval.step) : eval.time;
    if (metric == "loss") {
      series.points.push_back({x, eval.loss});
      continue;
    }
    for (const auto& [name, measure] : eval.metrics) {
      if (name != metric) continue;
      series.points.push_back({x, measure.value});
      series.band.push_back(
          {measure.low.value_or(measure.value), measure.high.value_or(measure.value)});
      intervals = intervals || (measure.low && measure.high);
      break;
    }
  }
  if (!intervals) series.band.clear();
  // Many evaluations would merge into a string of beads.
  series.dots = series.points.size() <= 60;
  return series;
}

std::vector<Point> smooth_loss(const RunLog& log, Along along) {
  auto raw = step_points(log, &StepEvent::loss, along);
  if (raw.size() < kFewToSmooth) return raw;
  return thin(smooth(raw, window_for(raw.size())), 400);
}

Scale scale_for(const std::vector<Series>& series) {
  double low = INFINITY;
  double high = -INFINITY;
  for (const Series& one : series) {
    for (const Point& point : one.points) {
      if (!std::isfinite(point.y)) continue;
      low = std::min(low, point.y);
      high = std::max(high, point.y);
    }
  }
  return low > 0 && high > 50 * low ? Scale::log : Scale::linear;
}

std::string training_charts(const RunFolder& run) {
  if (run.log.steps.empty() && run.log.evals.empty()) return "";
  std::string out = "<div class=\"two\">" + render(loss_chart(run));
  if (!run.log.evals.empty()) out += render(metric_chart(run));
  out += render(rate_chart(run));
  const LineChart memory = memory_chart(run);
  if (!memory.series.empty()) out += render(memory);
  const auto noisy = [&](const char* title, const char* note, double StepEvent::* field,
                         int color) {
    const auto points = step_points(run.log, field);
    if (!has_points(points)) return;
    LineChart chart = chart_of(run, title);
    chart.note = note;
    add_noisy(chart, points, title, color);
    use_best_scale(chart);
    out += render(chart);
  };
  noisy("Gradient norm", "", &StepEvent::grad_norm, 2);
  noisy("Time per step", "seconds", &StepEvent::step_s, 7);
  return out + "</div>";
}

}  // namespace graft::report
