#include "graft/report/run_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "graft/report/box_sections.h"
#include "graft/report/calibration.h"
#include "graft/report/confusion.h"
#include "graft/report/cost.h"
#include "graft/report/curves.h"
#include "graft/report/lookup.h"
#include "graft/report/numbers.h"
#include "graft/report/outcome.h"
#include "graft/report/page.h"
#include "graft/report/result_tables.h"
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
  const std::string classes = class_table(run, split) + origin_table(run);
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
  const std::string judged = headline(run).split;
  std::string any;
  const auto is_judged = [&](const auto& sample) {
    any = sample.split;
    return any == judged;
  };
  const auto& samples = run.predictions;
  const auto& pictures = run.pictures;
  if (std::any_of(samples.begin(), samples.end(), is_judged) ||
      std::any_of(pictures.begin(), pictures.end(), is_judged)) {
    return judged;
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
  if (run.boxes) add_box_sections(page, run, split, options.examples, options.picture);
  if (!run.boxes) page.section("results", "Results", results(run, split));
  page.section("examples", "Worst examples",
               worst_examples(run, split, options.examples, options.picture, options.words),
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
