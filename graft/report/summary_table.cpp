#include "graft/report/summary_table.h"

#include <fmt/format.h>

#include <cmath>

#include "graft/report/cost.h"
#include "graft/report/lookup.h"
#include "graft/report/outcome.h"
#include "graft/report/table.h"
#include "graft/report/text.h"

namespace graft::report {
namespace {

std::string against(double predicted, std::string (*show)(double)) {
  return std::isfinite(predicted) ? " (predicted " + show(predicted) + ")" : "";
}

std::string savings(const Outcome& o) {
  std::string out;
  const auto add = [&](const char* what, double share) {
    if (!std::isfinite(share)) return;
    out += (out.empty() ? "" : ", ") + show_percent(share) + " " + what;
  };
  add("FLOP", o.saved_flops);
  add("time", o.saved_train_s);
  add("memory", o.saved_memory);
  add("samples", o.saved_samples);
  add("updates", o.saved_updates);
  return out;
}

}  // namespace

std::string summary_table(const RunFolder& run) {
  const Headline judged = headline(run);
  const Outcome o = outcome(run);
  const Promise said = promise(run);
  Table table({{""}, {""}});
  const auto add = [&](const std::string& what, const std::string& value) {
    if (!value.empty() && value != kUnknown) table.row({what, value});
  };
  add("run", run.path.string());
  add("status", run.status());
  for (const char* key : {"task", "model", "method", "strategy"}) add(key, run.field(key));
  if (!judged.name.empty()) add(headline_title(judged), show_measure(judged.measure));
  if (judged.split != "validation")
    add(judged.name + " (validation)", show_number(judged.validation));
  add("loss", show_number(o.loss));
  if (std::isfinite(o.trainable)) {
    add("trainable",
        count_or_unknown(o.trainable) +
            (o.parameters > 0 ? " of " + count_or_unknown(o.parameters) + " parameters (" +
                                    show_percent(o.trainable / o.parameters) + ")"
                              : " parameters"));
  }
  std::string work = std::isfinite(o.steps) ? show_whole(o.steps) + " steps" : "";
  if (std::isfinite(o.samples))
    work += (work.empty() ? "" : ", ") + show_whole(o.samples) + " samples";
  if (std::isfinite(o.epochs))
    work += (work.empty() ? "" : ", ") + show_number(o.epochs, 3) + " epochs";
  add("work", work);
  add("budget used", budget_words(run));
  add("time", seconds_or_unknown(o.wall_s));
  add("CPU time", seconds_or_unknown(o.cpu_s));
  if (std::isfinite(o.train_s))
    add("training", seconds_or_unknown(o.train_s) + against(said.train_s, seconds_or_unknown));
  if (std::isfinite(o.peak_tensor_bytes)) {
    add("tensor memory",
        bytes_or_unknown(o.peak_tensor_bytes) + against(said.peak_tensor_bytes, bytes_or_unknown));
  }
  if (std::isfinite(o.peak_rss_bytes)) {
    add("resident memory",
        bytes_or_unknown(o.peak_rss_bytes) + against(said.rss_bytes, bytes_or_unknown));
  }
  if (std::isfinite(o.per_s)) {
    add("throughput", show_number(o.per_s, 3) + " " +
                          text_at(run.summary, {"throughput", "unit"}, "samples") + " per second");
  }
  add("saved", savings(o));
  if (!run.log.warnings.empty()) add("warnings", std::to_string(run.log.warnings.size()));
  return table.text();
}

}  // namespace graft::report
