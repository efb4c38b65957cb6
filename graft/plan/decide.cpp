#include "graft/plan/decide.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/peft/method.h"
#include "graft/train/task.h"

namespace graft::plan {
namespace {

constexpr double kFewPasses = 8;      // below it light augmentation was measured to cost accuracy
constexpr double kDefaultTime = 600;  // the budget where none is given

std::string free_output(const train::Job& job) {
  namespace fs = std::filesystem;
  const Json& data = job.config.values["data"];
  std::string stem = "run";
  if (data.is_string())
    stem = fs::path(data.get<std::string>()).lexically_normal().filename().string();
  else if (data.contains("path") && data["path"].is_string())
    stem = fs::path(data["path"].get<std::string>()).filename().string();
  if (stem.empty() || stem == ".") stem = "run";
  for (int i = 1;; ++i) {
    const fs::path folder = fs::path("runs") / fmt::format("{}-{}", stem, i);
    if (!fs::exists(folder)) return folder.string();
  }
}

}  // namespace

bool Decider::decide(const std::string& section, const std::string& key, const Json& choice,
                     const std::string& reason) {
  Json& place = section.empty() ? job_.config.values[key] : job_.config.values[section][key];
  if (place != "auto" && !place.is_null()) return false;
  place = choice;
  note(section.empty() ? key : section + "." + key, choice, reason);
  return true;
}

void Decider::note(const std::string& what, const Json& choice, const std::string& reason) {
  facts_.decisions.push_back({{"what", what}, {"choice", choice}, {"reason", reason}});
}

void reread(train::Config& config) {
  const Json values = config.values;
  config = train::make_config(values);
}

std::optional<int64_t> samples_of_tokens(const train::Job& job) {
  const Json& tokens = job.config.at("train", "batch_tokens");
  if (tokens.is_null()) return std::nullopt;
  const auto usual = static_cast<double>(job.inputs->example(1).at("ids").numel());
  return std::clamp<int64_t>(std::llround(tokens.get<double>() / std::max(1.0, usual)), 1,
                             train::kLargestBatch);
}

int64_t usual_rank(const models::Model& model) {
  const auto helps = [&](int64_t rank) {  // some layer is larger than its adapter would be
    const auto lora = peft::parse_methods(Json{{"name", "lora"}, {"r", rank}}).front();
    return std::ranges::any_of(model.registry().seams, [&](const nn::Seam* seam) {
      const nn::Site site = seam->site();
      return site.kind == nn::SeamKind::linear && site.block < model.head() &&
             lora.method->serves(site, lora.options);
    });
  };
  int64_t rank = 16;
  while (rank > 1 && !helps(rank)) rank /= 2;
  return rank;
}

void decide_all(train::Job& job, const Situation& s, train::PlanFacts& facts) {
  Decider d(job, facts);
  Json& v = job.config.values;
  const bool texts = train::reads_texts(job.model());
  const train::Objective& objective = job.objective();
  d.decide("", "task", train::task_of(job.data),
           fmt::format("the data are {}, and {}", texts ? "texts" : "pictures", objective.fact()));
  d.decide("", "output", free_output(job), "the first free folder below runs/");
  d.decide("", "threads", usable_cores(), "cores this process may use");
  d.decide("train", "workers", usable_cores(),
           texts ? "one a core; texts are tokenized once, before the first pass"
                 : "one a core decodes while the others compute");

  const train::Choice metric = objective.metric({s.largest_class, s.smallest_class});
  d.decide("", "metric", metric.value, metric.reason);

  // Budget: what is not limited at all gets ten minutes.
  if (!job.config.budget.any_length()) {
    v["budget"]["time"] = "10m";
    d.note("budget.time", "10m", "no budget was given");
    reread(job.config);
  }
  const bool time_only =
      !job.config.budget.epochs && !job.config.budget.steps && !job.config.budget.samples;
  const double time = job.config.budget.time_s
                          ? *job.config.budget.time_s - seconds_since_process_start()
                          : kDefaultTime * 100;

  if (!objective.new_head()) {
    decide_language(job, s, facts);
    return;
  }
  // Strategy: what fits the time. A pass of full training costs about three forward passes.
  const auto n = static_cast<double>(s.train_samples);
  const double forward_pass = n * std::max(s.forward_s, s.read_s);
  const double full_pass = n * std::max(3 * s.forward_s, s.read_s);
  const double passes = 0.7 * time / std::max(1e-9, full_pass);
  const bool strategy_open = v["strategy"] == "auto";
  const bool method_given = v["method"] != "auto" && v["method"] != "none" &&
                            !(v["method"].is_object() && v["method"]["name"] == "none");
  // A head without biases cannot be solved.
  const std::vector<std::string> solvers = objective.solvers();
  const bool solvable = !solvers.empty() && job.model().classifier().bias().defined();
  const std::string solver = solvable ? solvers.front() : "gradient";
  if (strategy_open) {
    if (s.random_weights) {
      d.decide("", "strategy", "full", "the weights are random: everything has to be learned");
    } else if (method_given) {
      d.decide("", "strategy", "full", "the method chooses what trains in each block");
    } else if (passes < 3 || v["goal"] == "latency") {
      d.decide("", "strategy", Json{{"name", "head"}, {"solver", solver}},
               fmt::format("the time allows {:.1f} passes of full training; a head on features "
                           "that are computed once needs one "
                           "forward pass ({})",
                           passes, show_seconds(forward_pass)));
    } else {
      d.decide("", "strategy",
               solvable ? Json{{"name", "lp-ft"}, {"solver", solver}, {"rate", 1.0}}
               : objective.head() == models::Task::boxes ? Json("incremental")
                                                         : Json("lp-ft"),
               fmt::format("the head learns on features that are computed once ({}), then the "
                           "rest of the time, about {:.0f} "
                           "passes, fine-tunes from it",
                           show_seconds(forward_pass), std::min(passes, 1000.0)));
    }
  }
  const Json& strategy = v["strategy"];
  const std::string strategy_name =
      strategy.is_string() ? strategy.get<std::string>() : strategy.value("name", "stages");
  const bool head_only = strategy_name == "head";
  const bool solved = strategy.is_object() && strategy.value("solver", "gradient") != "gradient";

  if (head_only || s.random_weights) {
    d.decide("", "method", "none", head_only ? "only the head trains" : "the weights are random");
  } else if (s.convolutional) {
    d.decide(
        "", "method", v["goal"] == "size" ? Json("lora") : Json("none"),
        v["goal"] == "size"
            ? "goal is size: an adapter of a few per cent"
            : "a small convolutional network: all weights train, statistics of its norms stay");
  } else {
    const int64_t rank = usual_rank(job.model());
    d.decide(
        "", "method", Json{{"name", "lora"}, {"r", rank}, {"alpha", rank}},
        "a transformer: low-rank updates keep what it knows and need a fraction of the memory");
  }
  reread(job.config);
  const bool adapters = peft::name_of(job.config.methods) != "none";

  // Batch: 32, smaller where an epoch would have fewer than ten updates.
  int64_t batch = 32;
  const double rate = v["sampling"]["rate"].get<double>();
  while (batch > 4 && n * rate / static_cast<double>(batch) < 10) batch /= 2;
  if (head_only && n * rate >= 2000) batch = 128;
  // Where the time is short, smaller steps: some twenty should fit beside what is measured.
  const double update = std::max(3 * s.forward_s, s.read_s);
  const int64_t usual = batch;
  while (job.config.budget.time_s && !head_only && batch > 4 &&
         update * static_cast<double>(batch) > 0.03 * time) {
    batch /= 2;
  }
  if (const auto samples = samples_of_tokens(job))
    d.decide("train", "batch", *samples, "about what train.batch_tokens holds");
  d.decide("train", "batch", batch,
           batch < usual ? "an update should be a small part of the time"
           : batch == 32 ? "the usual one"
           : batch > 32  ? "cached features are cheap"
                         : "an epoch should have ten updates");
  batch = v["train"]["batch"].get<int64_t>();
  d.decide("train", "batch_norm",
           !adapters && (s.random_weights || (batch >= 16 && n * rate >= 5000 && !head_only))
               ? "train"
               : "frozen",
           "statistics of the pretraining are better than those of few samples");

  // Passes: as many as help; the time may end them earlier.
  if (time_only && !(head_only && solved)) {
    const double helpful =
        std::clamp(20000.0 / std::max(1.0, n * rate), 5.0, head_only ? 60.0 : 30.0);
    v["budget"]["epochs"] = std::round(helpful);
    d.note("budget.epochs", std::round(helpful),
           "more passes rarely help at this number of samples; the time may end it earlier");
    if (v["train"]["patience"] == 0 && !job.data.validation.empty()) {
      v["train"]["patience"] = 10;
      d.note("train.patience", 10, "stops when ten evaluations bring nothing");
    }
  } else if (time_only) {
    v["budget"]["epochs"] = 1;
    d.note("budget.epochs", 1, "a head that is solved directly needs one pass");
  }
  reread(job.config);

  if (texts) {
    d.decide("", "augment", "none", "texts are learned as they are");
  } else if (head_only) {
    d.decide("", "augment", "none",
             "features are computed once, so every pass sees the same pictures");
  } else if (const double seen = std::min(passes, job.config.budget.epochs.value_or(passes));
             seen < kFewPasses && !s.random_weights) {
    d.decide("", "augment", "none",
             fmt::format("{:.1f} passes: too few for variety to pay for what it costs", seen));
  } else if (n < 200) {
    d.decide("", "augment", "light", "very few samples: crops and flips, nothing stronger");
  } else {
    d.decide(
        "", "augment", s.random_weights ? "standard" : "light",
        s.random_weights
            ? "training from nothing needs variety"
            : "crops and flips keep a fine-tuned network from learning its few samples by heart");
  }
  job.inputs->set_augmentation(v["augment"]);
  const double epochs = job.config.budget.epochs.value_or(10);
  d.decide("train", "eval_every", std::max(1.0, std::round(epochs / 20)),
           "about twenty evaluations in all");
  // At most one evaluation per epoch; short runs are measured at their end.
}

}  // namespace graft::plan
