#include "graft/report/result_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "graft/report/confusion.h"
#include "graft/report/lookup.h"
#include "graft/report/table.h"
#include "graft/report/text.h"

namespace graft::report {
namespace {

constexpr size_t kMostColumns = 12;
constexpr size_t kMostRows = 1000;
constexpr size_t kUnfolded = 40;
/// With more columns there is no room for bars beside the numbers.
constexpr size_t kMostBars = 6;

bool is_count(const std::string& key) {
  return key == "count" || key == "classes" || key == "objects" || key == "found";
}

std::string share_cell(double value) {
  return show_fixed(value) +
         fmt::format(R"(<span class="cell-bar"><i style="width:{:.0f}%"></i></span>)",
                     std::clamp(value, 0.0, 1.0) * 100);
}

std::string shown(const std::string& key, double value) {
  if (is_count(key)) return show_whole(value);
  return value >= 0 && value <= 1 ? show_fixed(value) : show_number(value);
}

Cell cell_of(const std::string& key, double value, bool bars) {
  const bool share = !is_count(key) && value >= 0 && value <= 1;
  if (share && bars) return {show_fixed(value), share_cell(value)};
  return shown(key, value);
}

/// The numbers of the summary, or what they would be.
Json rows_of(const RunFolder& run, const std::string& split) {
  Json rows = value_at(run.summary, {"per_class"});
  if (rows.is_array() && !rows.empty()) return rows;
  rows = Json::array();
  for (const ClassScore& s : class_scores(run, split)) {
    rows.push_back({{"class", s.name},
                    {"count", s.count},
                    {"precision", s.precision},
                    {"recall", s.recall},
                    {"f1", s.f1}});
  }
  return rows;
}

/// The names of the numbers in a list of objects, in the order in which they come first.
std::vector<std::string> number_keys(const Json& rows) {
  std::vector<std::string> keys;
  for (const Json& row : rows) {
    if (!row.is_object()) continue;
    for (const auto& [key, value] : row.items()) {
      if (key != "class" && value.is_number() && keys.size() < kMostColumns &&
          std::find(keys.begin(), keys.end(), key) == keys.end()) {
        keys.push_back(key);
      }
    }
  }
  return keys;
}

std::string origin_name(const std::string& key) {
  return key == "earlier" ? "known before" : key;
}

}  // namespace

std::string metric_table(const RunFolder& run) {
  Table table({{"Metric"}, {"Value", Align::right}, {"95 % interval", Align::right}});
  for (const auto& [name, m] : read_measures(value_at(run.summary, {"metrics"}))) {
    table.row({name, show_number(m.value),
               m.low && m.high ? show_number(*m.low) + " – " + show_number(*m.high) : ""});
  }
  return table.empty() ? "" : "<div><h3>Metrics</h3>" + table.html() + "</div>";
}

std::string class_table(const RunFolder& run, const std::string& split) {
  if (run.regression || run.pairs || run.language) return "";
  const Json rows = rows_of(run, split);
  const std::vector<std::string> keys = number_keys(rows);
  if (keys.empty()) return "";
  std::vector<Column> columns = {{run.words ? "Entity" : "Class"}};
  for (const auto& key : keys) columns.push_back({capitalized(key), Align::right});
  Table table(columns);
  for (const Json& row : rows) {
    if (!row.is_object() || table.size() >= kMostRows) continue;
    std::vector<Cell> cells = {text_at(row, {"class"})};
    for (const auto& key : keys)
      cells.push_back(cell_of(key, number_or_nan(row, {key.c_str()}), keys.size() <= kMostBars));
    table.row(std::move(cells));
  }
  const std::string html =
      std::string(run.words ? "<h3>By entity</h3>" : "<h3>By class</h3>") + table.html();
  if (table.size() <= kUnfolded) return "<div>" + html + "</div>";
  return fmt::format("<details><summary>Numbers of {} {}</summary>", table.size(),
                     run.words ? "entities" : "classes") +
         html + "</details>";
}

std::string origin_table(const RunFolder& run) {
  const Json& origins = value_at(run.summary, {"by_origin"});
  if (!origins.is_object()) return "";
  std::vector<std::string> keys;
  for (const Json& origin : origins) {
    if (!origin.is_object()) continue;
    for (const auto& [key, value] : origin.items()) {
      const bool shown = value.is_number() || number_at(value, {"value"});
      if (shown && keys.size() < kMostColumns &&
          std::find(keys.begin(), keys.end(), key) == keys.end()) {
        keys.push_back(key);
      }
    }
  }
  if (keys.empty()) return "";
  std::vector<Column> columns = {{"Classes"}};
  for (const auto& key : keys) columns.push_back({capitalized(key), Align::right});
  Table table(columns);
  for (const auto& [name, origin] : origins.items()) {
    std::vector<Cell> cells = {origin_name(name)};
    for (const auto& key : keys) {
      const Measure measure = read_measure(value_at(origin, {key.c_str()}));
      std::string cell = shown(key, measure.value);
      if (measure.low && measure.high)
        cell += " (" + show_fixed(*measure.low) + " – " + show_fixed(*measure.high) + ")";
      cells.emplace_back(cell);
    }
    table.row(std::move(cells));
  }
  return "<div><h3>Old and new classes</h3>" + table.html() + "</div>";
}

}  // namespace graft::report
