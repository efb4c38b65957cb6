#include "graft/report/run_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "graft/report/calibration.h"
#include "graft/report/confusion.h"
#include "graft/report/cost.h"
#include "graft/report/curves.h"
#include "graft/report/lookup.h"
#include "graft/report/numbers.h"
#include "graft/report/outcome.h"
#include "graft/report/page.h"
#include "graft/report/table.h"
#include "graft/report/text.h"

namespace graft::report {
namespace {

std::string headline_cards(const RunFolder& run) {
  const Headline judged = headline(run);
  const Outcome done = outcome(run);
  std::string out = "<div class=\"cards\">";
  if (!judged.name.empty()) {
    const Measure& m = judged.measure;
    std::string note = judged.provisional ? "latest evaluation" : "";
    if (m.low && m.high) {
      note = show_fixed(*m.low) + " – " + show_fixed(*m.high) + " (95 %)";
    }
    out += card(headline_title(judged), show_number(m.value), note);
  }
  std::string loss_note;
  if (judged.split != "validation" && std::isfinite(judged.validation)) {
    loss_note = "validation " + judged.name + " " + show_number(judged.validation);
  }
  if (std::isfinite(done.loss)) out += card("Loss", show_number(done.loss), loss_note);
  if (std::isfinite(done.trainable)) {
    const double share = done.trainable / done.parameters;
    out +=
        card("Trainable parameters", count_or_unknown(done.trainable),
             std::isfinite(share) ? show_percent(share) + " of " + count_or_unknown(done.parameters)
                                  : "");
  }
  if (std::isfinite(done.wall_s)) {
    out += card("Time", seconds_or_unknown(done.wall_s),
                std::isfinite(done.cpu_s) ? "CPU time " + seconds_or_unknown(done.cpu_s) : "");
  }
  if (std::isfinite(done.peak_rss_bytes)) {
    out += card("Peak memory", bytes_or_unknown(done.peak_rss_bytes),
                std::isfinite(done.peak_tensor_bytes)
                    ? "tensors " + bytes_or_unknown(done.peak_tensor_bytes)
                    : "");
  }
  if (std::isfinite(done.saved_flops)) {
    out += card("Saved", show_percent(done.saved_flops), "of full fine-tuning's operations");
  }
  return out + "</div>";
}

std::string notices(const RunFolder& run) {
  std::vector<std::string> all = run.log.warnings;
  all.insert(all.end(), run.notes.begin(), run.notes.end());
  if (all.empty()) return "";
  constexpr size_t kMost = 12;
  std::string out = "<div class=\"notice\"><b>" +
                    std::string(all.size() == 1 ? "Warning" : "Warnings") + "</b><ul>";
  for (size_t i = 0; i < std::min(all.size(), kMost); ++i) out += "<li>" + escape(all[i]) + "</li>";
  if (all.size() > kMost)
    out += fmt::format("<li>{} more stand in log.jsonl</li>", all.size() - kMost);
  return out + "</ul></div>";
}

std::string head(const RunFolder& run) {
  std::string out = "<header><div class=\"title\"><h1>" + escape(run.name) + "</h1>" +
                    status_pill(run.status()) + "</div><p class=\"sub\">";
  std::string facts;
  const auto fact = [&](const char* before, const std::string& value) {
    if (value.empty()) return;
    facts += (facts.empty() ? "" : " · ") + std::string(before) + "<b>" + escape(value) + "</b>";
  };
  fact("", run.field("task"));
  fact("model ", run.field("model"));
  fact("method ", run.field("method"));
  fact("strategy ", run.field("strategy"));
  const std::string budget = budget_words(run);
  if (!budget.empty()) facts += "<br>Budget used: " + escape(budget);
  return out + facts + "</p></header>" + notices(run) + headline_cards(run);
}

std::string stage_table(const RunFolder& run) {
  const auto& stages = run.log.stages;
  if (stages.size() < 2) return "";
  Table table({{"Stage"},
               {"From step", Align::right},
               {"Trainable", Align::right},
               {"Learning rate", Align::right},
               {"Blocks"}});
  for (const StageEvent& stage : stages) {
    std::string blocks;
    for (const auto& block : stage.blocks) blocks += (blocks.empty() ? "" : ", ") + block;
    table.row({stage.name, show_whole(static_cast<double>(stage.step)),
               count_or_unknown(stage.trainable), show_number(stage.lr, 3), shorten(blocks, 160)});
  }
  return "<h3>Stages</h3>" + table.html();
}

std::string metric_table(const RunFolder& run) {
  Table table({{"Metric"}, {"Value", Align::right}, {"95 % interval", Align::right}});
  for (const auto& [name, m] : read_measures(value_at(run.summary, {"metrics"}))) {
    table.row({name, show_number(m.value),
               m.low && m.high ? show_number(*m.low) + " – " + show_number(*m.high) : ""});
  }
  return table.empty() ? "" : "<div><h3>Metrics</h3>" + table.html() + "</div>";
}

std::string share_cell(double value) {
  return show_fixed(value) +
         fmt::format(R"(<span class="cell-bar"><i style="width:{:.0f}%"></i></span>)",
                     std::clamp(value, 0.0, 1.0) * 100);
}

/// The summary's own numbers (whatever columns a task has), else what the predictions say.
std::string class_table(const RunFolder& run, const std::string& split) {
  if (run.regression || run.pairs || run.language) return "";
  Json rows = value_at(run.summary, {"per_class"});
  if (!rows.is_array() || rows.empty()) {
    rows = Json::array();
    for (const ClassScore& s : class_scores(run, split)) {
      rows.push_back({{"class", s.name},
                      {"count", s.count},
                      {"precision", s.precision},
                      {"recall", s.recall},
                      {"f1", s.f1}});
    }
  }
  std::vector<std::string> keys;
  for (const Json& row : rows) {
    if (!row.is_object()) continue;
    for (const auto& [key, value] : row.items()) {
      if (key != "class" && value.is_number() && keys.size() < 12 &&
          std::find(keys.begin(), keys.end(), key) == keys.end()) {
        keys.push_back(key);
      }
    }
  }
  if (keys.empty()) return "";
  std::vector<Column> columns = {{run.words ? "Entity" : "Class"}};
  for (const auto& key : keys) columns.push_back({capitalized(key), Align::right});
  constexpr size_t kMost = 1000;
  Table table(columns);
  for (const Json& row : rows) {
    if (!row.is_object() || table.size() >= kMost) continue;
    std::vector<Cell> cells = {text_at(row, {"class"})};
    for (const auto& key : keys) {
      const double value = number_or_nan(row, {key.c_str()});
      const bool share = key != "count" && value >= 0 && value <= 1;
      if (key == "count")
        cells.emplace_back(show_whole(value));
      else if (share)
        cells.emplace_back(show_fixed(value), share_cell(value));
      else
        cells.emplace_back(show_number(value));
    }
    table.row(std::move(cells));
  }
  const std::string html =
      std::string(run.words ? "<h3>By entity</h3>" : "<h3>By class</h3>") + table.html();
  if (table.size() <= 40) return "<div>" + html + "</div>";
  return fmt::format("<details><summary>Numbers of {} {}</summary>", table.size(),
                     run.words ? "entities" : "classes") +
         html + "</details>";
}

/// Small tables stand side by side, wide ones have a row of their own.
std::string results(const RunFolder& run, const std::string& split) {
  constexpr size_t kNarrow = 12;
  const Confusion confusion = count_confusion(run, split);
  std::string matrix;
  if (!confusion.empty()) {
    const char* title = confusion.is_small()
                            ? "Confusion <small>rows: actual class, columns: predicted</small>"
                            : "Most confused classes";
    matrix = std::string("<div><h3>") + title + "</h3>" + render(confusion) + "</div>";
  }
  const std::string classes = class_table(run, split);
  const bool narrow = confusion.classes.size() <= kNarrow || !confusion.is_small();
  std::string grid =
      metric_table(run) + render(measure_calibration(run, split)) + numbers_chart(run, split);
  if (narrow && confusion.is_small()) grid = matrix + classes + grid;
  if (!confusion.is_small()) grid = matrix + "<div class=\"stack\">" + grid + classes + "</div>";
  std::string out = narrow ? "" : matrix + classes;
  if (!grid.empty()) out += "<div class=\"two\">" + grid + "</div>";
  return out;
}

std::string setup(const RunFolder& run) {
  Table table({{""}, {""}});
  const auto add = [&](const std::string& what, const std::string& value) {
    if (!value.empty()) table.row({what, value});
  };
  for (const char* key : {"task", "model", "method", "strategy"}) {
    add(capitalized(key), run.field(key));
  }
  std::string samples;
  const Json& counts = value_at(run.log.start, {"samples"});
  if (counts.is_object()) {
    for (const auto& [split, count] : counts.items()) {
      if (!count.is_number()) continue;
      samples += (samples.empty() ? "" : ", ") + show_whole(number_or_nan(count, {})) + " " + split;
    }
  }
  add("Samples", samples);
  if (!run.classes.empty() && !run.regression) add("Classes", std::to_string(run.classes.size()));
  add("Device", run.field("device"));
  add("Threads", run.field("threads"));
  add("Seed", run.field("seed"));
  if (run.log.processes > 1) add("Resumed", fmt::format("{} times", run.log.processes - 1));
  std::string out = table.empty() ? "" : table.html();
  if (!run.config_text.empty()) {
    out += "<details><summary>config.yaml, everything resolved</summary><pre>" +
           escape(run.config_text) + "</pre></details>";
  }
  return out;
}

std::string split_of_predictions(const RunFolder& run) {
  std::string judged = headline(run).split;
  std::string any;
  for (const Prediction& sample : run.predictions) {
    if (sample.split == judged) return judged;
    any = sample.split;
  }
  return any;
}

std::string plan_section(const RunFolder& run) {
  std::string out;
  const std::string budget = budget_meters(run);
  const Table predicted = prediction_table(run);
  if (!budget.empty()) out += "<div><h3>Budget</h3>" + budget + "</div>";
  if (!predicted.empty())
    out += "<div><h3>Prediction and outcome</h3>" + predicted.html() + "</div>";
  return out.empty() ? "" : "<div class=\"two\">" + out + "</div>";
}

}  // namespace

std::string status_pill(const std::string& status) {
  const char* kind = status == "completed" || status == "early-stopped" || status == "deadline"
                         ? "good"
                     : status == "running"  ? "busy"
                     : status == "diverged" ? "bad"
                                            : "warn";
  return std::string("<span class=\"pill ") + kind + "\">" + escape(status) + "</span>";
}

std::string render_run(const RunFolder& run, const RunPageOptions& options) {
  Page page(run.name + " – graft report", head(run));
  const std::string split = split_of_predictions(run);
  page.section("training", "Training", training_charts(run) + stage_table(run));
  page.section("results", "Results", results(run, split));
  page.section("examples", "Worst examples",
               worst_examples(run, split, options.examples, options.thumbnail, options.words),
               run.preference ? "The pairs whose order was learned least."
               : run.language
                   ? "The texts with the highest loss of a token."
                   : "The samples with the highest loss. Wrong labels often show up here.");
  page.section("cost", "Cost against full fine-tuning", cost_bars(run),
               "Full: the same data, precision and passes, training all weights on every sample in "
               "every step, without a cache.");
  page.section("budget", "Budget and predictions", plan_section(run));
  std::string decisions = decision_table(run);
  const std::string candidates = candidate_table(run);
  if (!candidates.empty()) decisions += "<h3>Plans that were weighed</h3>" + candidates;
  page.section("decisions", "Decisions", decisions);
  const std::string version = text_at(run.log.start, {"version"});
  page.section("setup", "Setup", setup(run));
  page.footer("graft" + (version.empty() ? "" : " " + version) + " · " + run.path.string());
  return page.html();
}

}  // namespace graft::report
