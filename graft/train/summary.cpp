#include "graft/train/summary.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/clock.h"
#include "graft/tensor/memory.h"
#include "graft/train/event_log.h"

namespace graft::train {
namespace {

double fraction_saved(double ours, double full) {
  return full > 0 ? 1 - ours / full : 0;
}

}  // namespace

Json make_summary(const Job& job, const Loop& loop, const PlanFacts& facts,
                  const std::string& status, const std::optional<Measurement>& test,
                  const std::string& split) {
  const Config& config = job.config;
  const Json& v = config.values;
  const std::string metric_name = v["metric"].get<std::string>();
  const State& state = loop.state();
  const Work& work = loop.work();
  Json s;
  s["status"] = status;
  s["task"] = v["task"];
  s["model"] =
      v["model"].is_string() ? v["model"] : v["model"].value("path", Json("random initialisation"));
  s["family"] = job.model().family();
  s["method"] = peft::name_of(config.methods);
  s["strategy"] = config.strategy.name;
  s["seed"] = v["seed"];
  s["threads"] = v["threads"];
  s["precision"] = v["precision"];
  s["problem_type"] = models::problem_name(job.model().problem());
  s["classes"] = job.model().classes();

  if (state.settings.is_object()) s["settings"] = state.settings;

  Json metric = {{"name", metric_name},
                 {"split", split},
                 {"value", nullptr},
                 {"interval", nullptr},
                 {"validation", nullptr}};
  if (state.best_step >= 0) metric["validation"] = state.best;
  const std::optional<Measurement>& measured = test ? test : loop.validation();
  s["loss"] = nullptr;
  if (measured) {
    const eval::Measured& m = measured->metric(metric_name);
    metric["value"] = m.value;
    metric["interval"] = {m.low, m.high};
    metric["samples"] = measured->samples();
    s["loss"] = measured->loss();
    s["metrics"] = to_json(measured->metrics());
    s.update(measured->facts());
    // Reading and finding included, in batches.
    if (s.contains("detection"))
      s["detection"]["ms_per_image"] = 1000 * loop.reader().pace().sample_s();
  }
  s["metric"] = metric;

  int64_t adapters = 0;
  for (const auto& tensor : adapter_tensors(job.model())) adapters += tensor.value->numel();
  s["parameters"] = {{"total", job.model().parameter_count() + adapters},
                     {"trainable", loop.most_trainable()}};
  s["epochs"] =
      static_cast<double>(state.samples) /
      static_cast<double>(std::max<int64_t>(1, epoch_shape(config, job.train_size()).samples));
  s["stages"] = Json::array();
  for (const auto& stage : job.stages) {
    s["stages"].push_back({{"name", stage.name},
                           {"share", stage.share},
                           {"rate", stage.rate},
                           {"backbone_scale", stage.backbone_scale},
                           {"solver", stage.solver}});
  }
  s["samples"] = {{"train", job.data.train.size()},
                  {"validation", job.data.validation.size()},
                  {"test", job.data.test.size()},
                  {"bad", loop.reader().bad_samples()}};
  if (reads_texts(job.model())) s["samples"]["cut"] = job.inputs->cut();
  const double evaluation_flops = work.evaluation_before + loop.reader().evaluation_flops();
  s["work"] = {{"steps", work.steps},
               {"samples_forward", work.samples_forward},
               {"samples_backward", work.samples_backward},
               {"samples_cached", work.samples_cached},
               {"tokens", work.tokens},
               {"learned_tokens", work.learned_tokens},
               {"shared_tokens", work.shared_tokens},
               {"flops", work.flops},
               {"evaluation_flops", evaluation_flops}};
  const double wall = work.wall_before + seconds_since_process_start();
  s["time"] = {{"wall_s", wall},
               {"cpu_s", work.cpu_before + process_cpu_seconds()},
               {"train_s", work.train_s + work.cache_s},
               {"eval_s", work.eval_s},
               {"data_s", work.data_s},
               {"sample_s", loop.reader().pace().sample_s()},
               {"cache_s", work.cache_s}};
  const int64_t peak_tensors = std::max(work.peak_tensor_before, peak_tensor_bytes());
  s["memory"] = {{"peak_tensor_bytes", peak_tensors},
                 {"peak_rss_bytes", std::max(work.peak_rss_before, peak_resident_bytes())}};
  s["throughput"] = {{"per_s", work.train_s > 0 ? static_cast<double>(work.samples_forward) /
                                                      (work.train_s + work.cache_s)
                                                : 0},
                     {"unit", reads_texts(job.model()) ? "texts" : "images"}};
  s["predicted"] = facts.predicted;

  // Full fine-tuning: the same passes over every sample, all weights at every step, nothing cached.
  const double passes = s["epochs"].get<double>();
  const double full_samples = passes * static_cast<double>(job.train_size());
  const double full_flops = full_samples * job.profile.full_update();
  const auto batch = v["train"]["batch"].get<double>();
  const double full_steps = full_samples / batch;
  Json full = {{"flops", full_flops},
               {"train_s", nullptr},
               {"peak_tensor_bytes", nullptr},
               {"samples", full_samples},
               {"updates", full_steps}};
  const double ours_s = work.train_s + work.cache_s;
  if (facts.full.contains("sample_s") && facts.full["sample_s"].is_number()) {
    full["train_s"] = facts.full["sample_s"].get<double>() * full_samples;
    full["peak_tensor_bytes"] = facts.full["peak_tensor_bytes"];
    full["source"] = "timed steps of full fine-tuning on this machine";
  } else if (work.flops > 0 && ours_s > 0) {
    full["train_s"] = ours_s * full_flops / work.flops;
    full["source"] = "scaled by FLOPs";
  }
  s["full"] = full;
  s["saved"] = {
      {"flops", fraction_saved(work.flops, full_flops)},
      {"train_s", full["train_s"].is_number()
                      ? Json(fraction_saved(ours_s, full["train_s"].get<double>()))
                      : Json(nullptr)},
      {"memory", full["peak_tensor_bytes"].is_number()
                     ? Json(fraction_saved(static_cast<double>(peak_tensors),
                                           full["peak_tensor_bytes"].get<double>()))
                     : Json(nullptr)},
      {"samples", fraction_saved(static_cast<double>(work.samples_forward), full_samples)},
      {"updates", fraction_saved(static_cast<double>(work.steps), full_steps)}};
  const Json& data = v["data"];
  s["input"] = {{"model", s["model"]},
                {"data", data.is_object() && data.contains("path") ? data["path"] : data}};
  return s;
}

}  // namespace graft::train
