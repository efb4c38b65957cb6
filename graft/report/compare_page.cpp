#include "graft/report/compare_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "graft/base/error.h"
#include "graft/report/bars.h"
#include "graft/report/chart.h"
#include "graft/report/curves.h"
#include "graft/report/lookup.h"
#include "graft/report/outcome.h"
#include "graft/report/page.h"
#include "graft/report/run_page.h"
#include "graft/report/text.h"

namespace graft::report {
namespace {

std::vector<std::string> names_of(const std::vector<RunFolder>& runs) {
  std::map<std::string, int> seen;
  for (const RunFolder& run : runs) ++seen[run.name];
  std::vector<std::string> names;
  names.reserve(runs.size());
  for (const RunFolder& run : runs) {
    names.push_back(seen[run.name] > 1 ? run.path.lexically_normal().string() : run.name);
  }
  return names;
}

/// The metric that all runs were judged by; empty when they differ.
std::string common_metric(const std::vector<RunFolder>& runs) {
  std::string title = headline_title(headline(runs.front()));
  for (const RunFolder& run : runs) {
    if (headline_title(headline(run)) != title) return "";
  }
  return title;
}

using Settings = std::vector<std::pair<std::string, std::string>>;

/// "train.lr" -> "0.001" for every leaf.
void flatten(const Json& value, const std::string& prefix, Settings& settings) {
  if (!value.is_object() || value.empty()) {
    settings.emplace_back(prefix, value.is_null() ? "null" : to_text(value));
    return;
  }
  for (const auto& [key, item] : value.items()) {
    std::string path = prefix;
    if (!path.empty()) path += '.';
    path += key;
    flatten(item, path, settings);
  }
}

LineChart chart_of(const std::string& title, Along along) {
  LineChart chart;
  chart.title = title;
  chart.x_label = along == Along::steps ? "step" : "seconds";
  chart.x_range = Range{0, 0};
  return chart;
}

/// Colours repeat after eight runs; strokes then tell them apart.
void dress(Series& series, size_t run) {
  static constexpr Stroke kStrokes[] = {Stroke::solid, Stroke::dashed, Stroke::dotted};
  series.color = static_cast<int>(run % 8);
  series.stroke = kStrokes[run / 8 % 3];
}

std::string loss_curves(const std::vector<RunFolder>& runs, const std::vector<std::string>& names,
                        Along along) {
  LineChart chart =
      chart_of(along == Along::steps ? "Training loss by step" : "Training loss by time", along);
  for (size_t i = 0; i < runs.size(); ++i) {
    Series series{.name = names[i], .points = smooth_loss(runs[i].log, along)};
    dress(series, i);
    if (!series.points.empty()) chart.series.push_back(series);
  }
  chart.y_scale = scale_for(chart.series);
  chart.note = chart.y_scale == Scale::log ? "smoothed, logarithmic" : "smoothed";
  return chart.series.empty() ? "" : render(chart);
}

std::string metric_curves(const std::vector<RunFolder>& runs, const std::vector<std::string>& names,
                          Along along) {
  const std::string metric = headline(runs.front()).name;
  LineChart chart =
      chart_of("Validation " + metric + (along == Along::steps ? " by step" : " by time"), along);
  for (size_t i = 0; i < runs.size(); ++i) {
    Series series = eval_series(runs[i].log, "validation", metric, along);
    series.name = names[i];
    series.band.clear();
    dress(series, i);
    if (!series.points.empty()) chart.series.push_back(series);
  }
  return chart.series.empty() ? "" : render(chart);
}

std::string result_bars(const std::vector<RunFolder>& runs, const std::vector<std::string>& names) {
  const std::string metric = common_metric(runs);
  std::string out;
  if (!metric.empty()) {
    BarChart chart{.title = metric, .note = "with 95 % intervals", .bars = {}, .full = {}};
    for (size_t i = 0; i < runs.size(); ++i) {
      const Measure m = headline(runs[i]).measure;
      chart.bars.push_back(
          {names[i], m.value, show_number(m.value), m.low, m.high, static_cast<int>(i % 8)});
    }
    out += render(chart);
  }
  const auto simple = [&](const char* title, double Outcome::* field, auto show) {
    BarChart chart{.title = title, .note = "", .bars = {}, .full = {}};
    bool any = false;
    for (size_t i = 0; i < runs.size(); ++i) {
      const double value = outcome(runs[i]).*field;
      any = any || std::isfinite(value);
      chart.bars.push_back({names[i], value, show(value), {}, {}, static_cast<int>(i % 8)});
    }
    if (any) out += render(chart);
  };
  simple("Time", &Outcome::wall_s, seconds_or_unknown);
  simple("Peak resident memory", &Outcome::peak_rss_bytes, bytes_or_unknown);
  simple("Operations (FLOP)", &Outcome::flops, count_or_unknown);
  return "<div class=\"two\">" + out + "</div>";
}

}  // namespace

Table comparison_table(const std::vector<RunFolder>& runs) {
  if (runs.empty()) fail_usage("nothing to compare: name at least one run folder");
  const std::string metric = common_metric(runs);
  Table table({{"Run"},
               {"Status"},
               {metric.empty() ? "Metric" : metric, Align::right},
               {"95 % interval", Align::right},
               {"Loss", Align::right},
               {"Trainable", Align::right},
               {"Time", Align::right},
               {"CPU time", Align::right},
               {"Memory", Align::right},
               {"FLOP", Align::right},
               {"Saved FLOP", Align::right},
               {"Saved time", Align::right}});
  const auto names = names_of(runs);
  for (size_t i = 0; i < runs.size(); ++i) {
    const Headline judged = headline(runs[i]);
    const Measure& m = judged.measure;
    const Outcome o = outcome(runs[i]);
    const std::string value =
        show_number(m.value) + (metric.empty() ? " " + headline_title(judged) : "");
    table.row(
        {names[i],
         {runs[i].status(), status_pill(runs[i].status())},
         value,
         m.low && m.high ? show_number(*m.low, 3) + " – " + show_number(*m.high, 3) : kUnknown,
         show_number(o.loss),
         count_or_unknown(o.trainable),
         seconds_or_unknown(o.wall_s),
         seconds_or_unknown(o.cpu_s),
         bytes_or_unknown(o.peak_rss_bytes),
         count_or_unknown(o.flops),
         show_percent(o.saved_flops),
         show_percent(o.saved_train_s)});
  }
  return table;
}

Table config_differences(const std::vector<RunFolder>& runs) {
  const auto names = names_of(runs);
  std::vector<Column> columns = {{"Setting"}};
  for (const auto& name : names) columns.push_back({name});
  std::vector<std::string> order;
  std::map<std::string, std::vector<std::string>> values;
  for (size_t i = 0; i < runs.size(); ++i) {
    Settings settings;
    if (runs[i].config.is_object()) flatten(runs[i].config, "", settings);
    for (const auto& [key, value] : settings) {
      const auto [at, added] = values.try_emplace(key, runs.size(), kUnknown);
      if (added) order.push_back(key);
      at->second[i] = value;
    }
  }
  Table table(columns);
  for (const auto& key : order) {
    // Every run has its own output folder; the heading names it already.
    if (key == "output") continue;
    const auto& row = values[key];
    if (std::all_of(row.begin(), row.end(), [&](const std::string& v) { return v == row.front(); }))
      continue;
    std::vector<Cell> cells = {key};
    for (const auto& value : row) cells.emplace_back(shorten(value, 120));
    table.row(std::move(cells));
  }
  return table;
}

std::string render_comparison(const std::vector<RunFolder>& runs) {
  const Table table = comparison_table(runs);
  const auto names = names_of(runs);
  const std::string title =
      fmt::format("Comparison of {} run{}", runs.size(), runs.size() == 1 ? "" : "s");
  std::set<std::string> tasks;
  std::string task;
  for (const RunFolder& run : runs) {
    if (tasks.insert(run.field("task")).second)
      task += (task.empty() ? "" : ", ") + run.field("task");
  }
  Page page(title + " – graft report", "<header><div class=\"title\"><h1>" + title +
                                           "</h1></div><p class=\"sub\"><b>" + escape(task) +
                                           "</b></p></header>");
  page.section("runs", "Runs", table.html());
  page.section("results", "Results and cost", result_bars(runs, names));
  const std::string curves =
      metric_curves(runs, names, Along::steps) + metric_curves(runs, names, Along::time) +
      loss_curves(runs, names, Along::steps) + loss_curves(runs, names, Along::time);
  page.section("curves", "Curves", curves.empty() ? "" : "<div class=\"two\">" + curves + "</div>");
  const Table differences = config_differences(runs);
  page.section("settings", "Settings that differ",
               differences.empty() ? "<p>All settings are the same.</p>" : differences.html());
  return page.html();
}

}  // namespace graft::report
