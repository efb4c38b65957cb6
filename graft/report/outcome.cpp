#include "graft/report/outcome.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "graft/report/lookup.h"

namespace graft::report {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double first_known(double a, double b) {
  return std::isfinite(a) ? a : b;
}

double sum(const std::vector<StepEvent>& steps, double StepEvent::* field) {
  double total = 0;
  bool any = false;
  for (const StepEvent& step : steps) {
    if (!std::isfinite(step.*field)) continue;
    total += step.*field;
    any = true;
  }
  return any ? total : kNan;
}

double largest(const std::vector<StepEvent>& steps, double StepEvent::* field) {
  double most = kNan;
  for (const StepEvent& step : steps) {
    if (std::isfinite(step.*field) && !(step.*field <= most)) most = step.*field;
  }
  return most;
}

double saved(double written, double ours, double full) {
  return std::isfinite(written) ? written : full > 0 ? 1 - ours / full : kNan;
}

double last_trainable(const RunFolder& run) {
  return run.log.stages.empty() ? kNan : run.log.stages.back().trainable;
}

}  // namespace

Outcome outcome(const RunFolder& run) {
  const Json& s = run.summary;
  const auto& steps = run.log.steps;
  const auto number = [&](KeyPath keys) { return number_or_nan(s, keys); };
  Outcome o{};
  o.loss = number({"loss"});
  o.trainable = first_known(number({"parameters", "trainable"}), last_trainable(run));
  o.parameters = number({"parameters", "total"});
  // While a run goes on the log is ahead of the summary.
  const bool running = run.status() == "running" && !steps.empty();
  const auto choose = [&](KeyPath keys, double logged) {
    return running ? first_known(logged, number(keys)) : first_known(number(keys), logged);
  };
  o.steps =
      choose({"work", "steps"}, steps.empty() ? kNan : static_cast<double>(steps.back().step));
  o.epochs = choose({"epochs"}, steps.empty() ? kNan : steps.back().epoch);
  o.samples = first_known(sum(steps, &StepEvent::samples), number({"work", "samples_forward"}));
  o.wall_s = choose({"time", "wall_s"}, run.log.wall_s > 0 ? run.log.wall_s : kNan);
  o.cpu_s = number({"time", "cpu_s"});
  o.train_s = choose({"time", "train_s"}, sum(steps, &StepEvent::step_s));
  o.step_s = o.steps > 0 ? o.train_s / o.steps : kNan;
  o.peak_tensor_bytes =
      choose({"memory", "peak_tensor_bytes"}, largest(steps, &StepEvent::tensor_peak_bytes));
  o.peak_rss_bytes = choose({"memory", "peak_rss_bytes"}, largest(steps, &StepEvent::rss_bytes));
  o.flops = number({"work", "flops"});
  o.per_s = number({"throughput", "per_s"});
  o.full_flops = number({"full", "flops"});
  o.full_train_s = number({"full", "train_s"});
  o.full_peak_tensor_bytes = number({"full", "peak_tensor_bytes"});
  o.saved_flops = saved(number({"saved", "flops"}), o.flops, o.full_flops);
  o.saved_train_s = saved(number({"saved", "train_s"}), o.train_s, o.full_train_s);
  o.saved_memory =
      saved(number({"saved", "memory"}), o.peak_tensor_bytes, o.full_peak_tensor_bytes);
  o.saved_samples = number({"saved", "samples"});
  o.saved_updates = number({"saved", "updates"});
  return o;
}

Promise promise(const RunFolder& run) {
  const auto find = [&](const char* key) {
    for (const Json* source : {&run.summary, &run.plan}) {
      const auto number = number_at(*source, {"predicted", key});
      if (number) return *number;
    }
    return number_or_nan(run.log.predicted, {key});
  };
  return {find("step_s"), find("train_s"), find("peak_tensor_bytes"), find("rss_bytes")};
}

std::string headline_title(const Headline& headline) {
  if (headline.name.empty()) return "metric";
  return headline.split.empty() ? headline.name : headline.name + " (" + headline.split + ")";
}

}  // namespace graft::report
