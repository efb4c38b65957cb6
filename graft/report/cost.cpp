#include "graft/report/cost.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <vector>

#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/report/bars.h"
#include "graft/report/lookup.h"
#include "graft/report/outcome.h"
#include "graft/report/text.h"

namespace graft::report {
namespace {

struct Use {
  std::string what;
  double used;
  double allowed;
  std::string (*show)(double);
};

std::string show_plain(double value) {
  return value == std::round(value) ? show_whole(value) : show_number(value, 3);
}

/// NaN for what cannot be understood: such a budget was refused when the run began.
template <typename Parse>
double limit_of(const Json& value, const Parse& parse) {
  try {
    return parse(value);
  } catch (const Error&) {
    return std::numeric_limits<double>::quiet_NaN();
  }
}

/// The parts of the budget that the config sets.
std::vector<Use> budget_use(const RunFolder& run) {
  const Outcome done = outcome(run);
  const Json& budget = value_at(run.config, {"budget"});
  std::vector<Use> uses;
  const auto add = [&](const char* key, const char* what, double used, auto parse, auto show) {
    const Json& allowed = value_at(budget, {key});
    if (allowed.is_null()) return;
    const double limit = limit_of(allowed, parse);
    if (limit > 0) uses.push_back({what, used, limit, show});
  };
  const auto number = [](const Json& value) { return number_or_nan(value, {}); };
  add(
      "time", "Time", done.wall_s, [](const Json& v) { return parse_seconds(v, "budget.time"); },
      seconds_or_unknown);
  add(
      "memory", "Memory", done.peak_rss_bytes,
      [](const Json& v) { return static_cast<double>(parse_bytes(v, "budget.memory")); },
      bytes_or_unknown);
  add("epochs", "Epochs", done.epochs, number, show_plain);
  add("steps", "Steps", done.steps, number, show_whole);
  add("samples", "Samples", done.samples, number, show_whole);
  return uses;
}

std::string difference(double predicted, double measured) {
  if (!(predicted > 0) || !std::isfinite(measured)) return kUnknown;
  return fmt::format("{:+.0f} %", (measured / predicted - 1) * 100);
}

BarChart pair_chart(const std::string& title, double ours, double full, double saved,
                    std::string (*show)(double)) {
  BarChart chart;
  chart.title = title;
  if (std::isfinite(saved)) {
    chart.note = saved >= 0 ? show_percent(saved) + " saved" : show_percent(-saved) + " more";
  }
  chart.bars = {{"This run", ours, show(ours), {}, {}, 0}, {"Full", full, show(full), {}, {}, 7}};
  return chart;
}

}  // namespace

std::string budget_meters(const RunFolder& run) {
  std::string out;
  for (const Use& use : budget_use(run)) {
    out += meter(use.what, use.used / use.allowed,
                 use.show(use.used) + " of " + use.show(use.allowed));
  }
  return out.empty() ? "" : "<figure class=\"bars\">" + out + "</figure>";
}

std::string budget_words(const RunFolder& run) {
  std::string out;
  for (const Use& use : budget_use(run)) {
    if (!std::isfinite(use.used)) continue;
    const char* unit = use.what == "Epochs"    ? " epochs"
                       : use.what == "Steps"   ? " steps"
                       : use.what == "Samples" ? " samples"
                                               : "";
    if (!out.empty()) out += ", ";
    out +=
        fmt::format("{:.0f} % of {}{}", 100 * use.used / use.allowed, use.show(use.allowed), unit);
  }
  return out;
}

Table prediction_table(const RunFolder& run) {
  const Promise said = promise(run);
  const Outcome done = outcome(run);
  Table table({{""},
               {"Predicted", Align::right},
               {"Measured", Align::right},
               {"Difference", Align::right}});
  const auto add = [&](const char* what, double predicted, double measured, auto show) {
    if (!std::isfinite(predicted)) return;
    table.row({what, show(predicted), show(measured), difference(predicted, measured)});
  };
  add("Time per step", said.step_s, done.step_s, seconds_or_unknown);
  if (run.status() == "running") {
    // A part of the way says nothing about the promise for all of it.
    if (std::isfinite(said.train_s)) {
      table.row({"Training time so far", seconds_or_unknown(said.train_s),
                 seconds_or_unknown(done.train_s), kUnknown});
    }
  } else {
    add("Training time", said.train_s, done.train_s, seconds_or_unknown);
  }
  add("Peak tensor memory", said.peak_tensor_bytes, done.peak_tensor_bytes, bytes_or_unknown);
  add("Peak resident memory", said.rss_bytes, done.peak_rss_bytes, bytes_or_unknown);
  return table;
}

std::string cost_bars(const RunFolder& run) {
  const Outcome o = outcome(run);
  std::string out;
  if (o.full_flops > 0) {
    out += render(
        pair_chart("Operations (FLOP)", o.flops, o.full_flops, o.saved_flops, count_or_unknown));
  }
  if (o.full_train_s > 0) {
    out += render(pair_chart("Training time", o.train_s, o.full_train_s, o.saved_train_s,
                             seconds_or_unknown));
  }
  if (o.full_peak_tensor_bytes > 0) {
    out += render(pair_chart("Peak tensor memory", o.peak_tensor_bytes, o.full_peak_tensor_bytes,
                             o.saved_memory, bytes_or_unknown));
  }
  const auto share = [&](const char* title, double saved) {
    if (!std::isfinite(saved)) return;
    BarChart chart = pair_chart(title, 1 - saved, 1, saved, show_percent);
    out += render(chart);
  };
  share("Samples passed backward", o.saved_samples);
  share("Parameter updates", o.saved_updates);
  return out.empty() ? "" : "<div class=\"two\">" + out + "</div>";
}

std::string candidate_table(const RunFolder& run) {
  const auto candidates = run.candidates();
  if (candidates.empty()) return "";
  Table table({{"Candidate"},
               {"Trainable", Align::right},
               {"FLOP per sample", Align::right},
               {"Time per step", Align::right},
               {"Peak memory", Align::right},
               {"Training time", Align::right}});
  for (const Candidate& c : candidates) {
    table.row({c.name, count_or_unknown(c.trainable), count_or_unknown(c.flops_per_sample),
               seconds_or_unknown(c.step_s), bytes_or_unknown(c.peak_bytes),
               seconds_or_unknown(c.train_s)});
  }
  return table.html();
}

std::string decision_table(const RunFolder& run) {
  constexpr size_t kMost = 200;
  const auto decisions = run.decisions();
  if (decisions.empty()) return "";
  Table table({{"What"}, {"Choice"}, {"Reason"}});
  for (size_t i = 0; i < std::min(decisions.size(), kMost); ++i) {
    table.row({decisions[i].what, decisions[i].choice, decisions[i].reason});
  }
  std::string out = table.html();
  if (decisions.size() > kMost) {
    out +=
        fmt::format("<p class=\"lead\">{} more stand in log.jsonl.</p>", decisions.size() - kMost);
  }
  return out;
}

}  // namespace graft::report
