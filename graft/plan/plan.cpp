#include "graft/plan/plan.h"

#include <algorithm>
#include <cmath>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/plan/decide.h"
#include "graft/plan/lr_range.h"
#include "graft/plan/predict.h"
#include "graft/plan/probe.h"
#include "graft/tensor/device.h"
#include "graft/tensor/memory.h"

namespace graft::plan {
namespace {

constexpr int64_t kForwardBatch = 8;
constexpr double kRangeTestShare = 0.03;  // of the time budget
constexpr double kPrecisionShare = 0.05;  // of what is left of it
// Planning in all: of the time budget, counted from process start; without one, of the predicted
// run, within bounds. `graft plan` trains nothing and may try longer.
constexpr double kPlanShare = 0.25, kRunShare = 0.2;
constexpr double kLeastPlan = 5, kMostPlan = 60;
constexpr int kRangeUpdates = 40, kLeastRangeUpdates = 15;

Allowance first_allowance(const train::Config& config, bool compare) {
  const double now = seconds_since_process_start();
  if (compare) return Allowance(now + kMostPlan);
  return Allowance(config.budget.time_s ? kPlanShare * *config.budget.time_s : now + kLeastPlan);
}

/// Now that the budget and the speed are known.
void extend(Allowance& allowance, const train::Job& job, double forward_s, double since) {
  const train::Budget& budget = job.config.budget;
  if (budget.time_s) {
    allowance.extend_to(kPlanShare * *budget.time_s);
    return;
  }
  const Json& v = job.config.values;
  const auto n = static_cast<double>(job.train_size());
  double samples = INFINITY;
  if (budget.epochs) samples = *budget.epochs * n;
  if (budget.samples) samples = std::min(samples, static_cast<double>(*budget.samples));
  if (budget.steps) {
    samples =
        std::min(samples, static_cast<double>(*budget.steps) * v["train"]["batch"].get<double>() *
                              v["updates"]["every"].get<double>());
  }
  const double run = 3 * forward_s * samples;
  allowance.extend_to(since + std::min(kMostPlan, kRunShare * run));
}

/// Frozen norms are layers like any other, so weights tell as well.
bool is_convolutional(const models::Model& model) {
  if (!model.registry().batch_norms.empty()) return true;
  int64_t kernels = 0;
  for (const nn::Parameter& p : model.registry().parameters)
    kernels += p.value->dim() == 4 ? p.value->numel() : 0;
  return 2 * kernels > model.parameter_count();
}

Situation look(train::Job& job, bool random_weights, Tried& tried) {
  Situation s;
  s.train_samples = job.data.train.size();
  const auto counts = job.data.train.class_counts(job.model().classes().size());
  s.classes = static_cast<int64_t>(counts.size());
  for (const int64_t count : counts) {
    if (count == 0) continue;
    s.largest_class = std::max(s.largest_class, count);
    s.smallest_class = s.smallest_class == 0 ? count : std::min(s.smallest_class, count);
  }
  s.convolutional = is_convolutional(job.model());
  s.random_weights = random_weights;
  tried.forward = probe_forward(job, kForwardBatch, tried.allowance.part(0.5));
  tried.data = probe_data(job, 6, tried.allowance.part(0.3));
  s.forward_s = tried.forward.sample_s;
  s.read_s = tried.data.first_s / std::max(1, usable_cores());
  return s;
}

/// What a learning rate usually is, before it is tried: by what trains and how.
double usual_rate(const train::Job& job) {
  const Json& train = job.config.values["train"];
  const bool sgd = train["optimizer"] == "sgd";
  const bool head_only = job.stages.back().blocks.front() >= job.model().head();
  const double batch =
      train["batch"].get<double>() * job.config.values["updates"]["every"].get<double>();
  // Of texts a few samples are as many tokens as other batches have samples.
  const double scale = !job.objective().new_head() ? 1 : std::sqrt(batch / 32);
  const std::string method = peft::name_of(job.config.methods);
  double rate = head_only ? 3e-3 : method == "none" ? 2e-4 : method == "lora" ? 1e-3 : 2e-3;
  if (!job.model().registry().batch_norms.empty() && method == "none" && !head_only) rate = 5e-4;
  // What was pretrained whole moves little.
  if (!job.objective().new_head() && !train::model_source(job.config).random)
    rate = method == "none" ? 5e-5 : 5e-4;
  rate *= job.objective().rate(job);
  if (sgd) rate *= 30;
  return rate * scale;
}

void decide_rates(train::Job& job, train::PlanFacts& facts, const Tried& tried) {
  Json& train = job.config.values["train"];
  Decider d(job, facts);
  const bool open = train["lr"] == "auto";
  const bool only_solved = std::all_of(job.stages.begin(), job.stages.end(), [](const auto& stage) {
    return stage.solver != "gradient";
  });
  const double usual = usual_rate(job);
  if (open) train["lr"] = usual;
  if (train["head_lr"] == "auto") {
    const double head =
        open && job.objective().new_head() && job.stages.back().blocks.front() < job.model().head()
            ? std::max(usual, 1e-3)
            : train["lr"].get<double>();
    d.decide("train", "head_lr", head,
             open && job.objective().new_head()
                 ? "a new head may move faster than what is pretrained"
                 : "as train.lr");
  }
  if (!open) return;
  if (only_solved) {
    d.note("train.lr", usual, "not used: the head is solved directly");
    return;
  }
  const double time = job.config.budget.time_s.value_or(1e9);
  const double allowed = std::min({20.0, kRangeTestShare * time, 0.6 * tried.allowance.left()});
  const double update = estimated_step(
      job, {"", job.config.methods, job.stages.back().blocks, 0}, tried.forward.sample_s,
      std::min(train["batch"].get<double>(), static_cast<double>(job.train_size())));
  RangeTest test;
  if (kLeastRangeUpdates * update <= allowed)
    test = lr_range_test(job, usual / 100, usual * 100, kRangeUpdates, allowed);
  if (test.steps < kLeastRangeUpdates || test.lr <= 0) {
    d.note("train.lr", usual,
           test.steps < kLeastRangeUpdates
               ? "the usual one for this method: there is no time to try"
               : "the usual one for this method: the range test showed no clear fall");
    return;
  }
  const double chosen = std::clamp(test.lr, usual / 4, usual * 4);
  train["lr"] = chosen;
  d.note("train.lr", chosen,
         fmt::format("range test of {} updates ({}) fell fastest at {:.1e}; the usual rate is "
                     "{:.1e} and bounds it to a factor of 4",
                     test.steps, show_seconds(test.seconds), test.lr, usual));
  if (train["head_lr"].get<double>() < chosen) train["head_lr"] = chosen;
}

void decide_precision(train::Job& job, train::PlanFacts& facts, const Situation& s,
                      const Allowance& allowance) {
  Decider d(job, facts);
  if (job.config.values["precision"] != "auto") return;
  if (!job.model().device().is_cpu()) {
    d.decide("", "precision", "bfloat16", "the GPU multiplies it several times faster");
    return;
  }
  const auto outline = job.outline();
  const auto stages = strategies::make_stages(job.config.strategy, outline);
  const bool head_only = stages.back().blocks.front() >= outline.head;
  const double step = 3 * s.forward_s * job.config.values["train"]["batch"].get<double>();
  // Both are tried with three updates, the first of them slow; that must stay small beside the run.
  const double left =
      job.config.budget.time_s ? *job.config.budget.time_s - seconds_since_process_start() : 600;
  if (!cpu_has_bfloat16() || head_only || step > 2 || 6 * step > kPrecisionShare * left ||
      !allowance.fits(12 * step)) {
    d.decide("", "precision", "float32",
             !cpu_has_bfloat16() ? "the CPU has no bfloat16 products"
             : head_only         ? "the head is small: nothing to gain"
                         : "there is no time to try both; give precision=bfloat16 to use it");
    return;
  }
  const Candidate candidate{"", job.config.methods, stages.back().blocks, 0};
  const auto batch = job.config.values["train"]["batch"].get<int64_t>();
  const double single = probe(job, candidate, batch, 2, allowance.part(0.25)).step_s;
  job.model().set_precision(at::ScalarType::BFloat16);
  const double half = probe(job, candidate, batch, 2, allowance.part(0.33)).step_s;
  job.model().set_precision(at::ScalarType::Float);
  const bool faster = half * 1.25 < single;
  d.decide("", "precision", faster ? "bfloat16" : "float32",
           fmt::format("an update takes {} in float32, {} in bfloat16{}", show_seconds(single),
                       show_seconds(half), faster ? "" : ": not worth the lost digits"));
}

}  // namespace

namespace {

Planned plan_for(const train::Config& config, std::optional<data::Dataset> own,
                 const PlanOptions& options) {
  set_threads(config.is_auto("", "threads") ? usable_cores() : config.values["threads"].get<int>());
  Planned planned{train::open_job(config, std::move(own)), {}};
  train::Job& job = planned.job;
  train::PlanFacts& facts = planned.facts;
  const bool decide = config.values["plan"] == "auto";
  const double begin = seconds_since_process_start();
  Tried tried{first_allowance(config, options.compare), {}, {}};
  if (decide) {
    const Situation situation = look(job, train::model_source(config).random, tried);
    decide_all(job, situation, facts);
    reread(job.config);
    extend(tried.allowance, job, situation.forward_s, begin);
    decide_precision(job, facts, situation, tried.allowance);
    reread(job.config);
    const Json& v = job.config.values;
    job.model().set_precision(
        precision_type(v["precision"].get<std::string>(), job.model().device()));
    job.stages = strategies::make_stages(job.config.strategy, job.outline());
    // Rates need the adapters in place; prepare wants rates. The usual ones hold until they are
    // tried.
    // (fit_memory reads the configuration anew: nothing may refer into it across that.)
    const auto rate = [&job](const char* key) -> Json& { return job.config.values["train"][key]; };
    const bool lr_open = rate("lr") == "auto";
    const bool head_open = rate("head_lr") == "auto";
    if (lr_open) rate("lr") = 1e-3;
    if (head_open) rate("head_lr") = 1e-3;
    const bool batch_given =
        !config.is_auto("train", "batch") || !config.at("train", "batch_tokens").is_null();
    fit_memory(job, facts, batch_given, tried);
    train::prepare(job);
    if (lr_open) rate("lr") = "auto";
    if (head_open) rate("head_lr") = "auto";
    decide_rates(job, facts, tried);
  } else {
    train::prepare(job);
    fit_memory(job, facts, true, tried);
  }
  predict(job, facts, options.compare, tried);
  release_free_memory();
  return planned;
}

}  // namespace

Planned make_plan(const train::Config& config, const PlanOptions& options) {
  return plan_for(config, std::nullopt, options);
}

Planned make_plan(const train::Config& config, data::Dataset own, const PlanOptions& options) {
  return plan_for(config, std::move(own), options);
}

std::string decisions_text(const train::PlanFacts& facts) {
  std::string text;
  for (const Json& d : facts.decisions) {
    const Json& choice = d["choice"];
    std::string shown = choice.is_string() ? choice.get<std::string>() : choice.dump();
    if (choice.is_number_float()) shown = fmt::format("{:.3g}", choice.get<double>());
    text += fmt::format("  {:<18} {:<12} {}\n", d["what"].get<std::string>(), shown,
                        d["reason"].get<std::string>());
  }
  return text.empty() ? text : "decided:\n" + text;
}

std::string candidates_text(const train::PlanFacts& facts) {
  if (facts.candidates.empty()) return "";
  std::string text = fmt::format("{:<12} {:>12} {:>14} {:>12} {:>12} {:>12}\n", "", "trained",
                                 "FLOPs/sample", "update", "memory", "time");
  for (const Json& c : facts.candidates) {
    text += fmt::format(
        "{:<12} {:>12} {:>14} {:>12} {:>12} {:>12}\n", c["name"].get<std::string>(),
        show_count(c["trainable"].get<double>()), show_count(c["flops_per_sample"].get<double>()),
        c["step_s"].is_number() ? show_seconds(c["step_s"].get<double>()) : "not tried",
        show_bytes(c["peak_bytes"].get<double>()),
        c["train_s"].is_number() ? show_seconds(c["train_s"].get<double>()) : "");
  }
  return text;
}

}  // namespace graft::plan
