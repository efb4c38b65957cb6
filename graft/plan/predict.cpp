#include "graft/plan/predict.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/plan/decide.h"
#include "graft/plan/probe.h"
#include "graft/tensor/memory.h"
#include "graft/train/batches.h"
#include "graft/train/epoch.h"
#include "graft/train/feature_cache.h"
#include "graft/train/schedule.h"

namespace graft::plan {
namespace {

constexpr int kPrefetched = 3;             // batches that wait or are being used
constexpr double kTinyUpdates = 10;        // samples' worth of time that updates of 1 and 2 take
constexpr int64_t kOtherBytes = 24 << 20;  // decoding, kernels made at run time, the report

struct StageCost {
  double fill_s = 0, step_s = 0, steps = 0;
  int64_t peak_bytes = 0, cache_bytes = 0;
  bool cached = false;
  double seconds() const { return fill_s + steps * step_s; }
};

/// The same question the loop asks, answered from the configuration. A row's bytes take a forward
/// pass of one sample.
bool will_cache(const train::Job& job, int border, double passes, int64_t& bytes) {
  const Json& v = job.config.values;
  const auto views = v["train"]["views"].get<int64_t>();
  bytes = 0;
  if (border == 0 || v["cache"] == "none" || train::mixes_inputs(job) ||
      (job.inputs->random() && views == 0))
    return false;
  const int64_t kept = job.inputs->random() ? views : 1;
  if (v["cache"] == "auto" &&
      (passes < 2.0 * static_cast<double>(kept) || job.shares_prefixes(border)))
    return false;
  const double rate =
      v["sampling"]["policy"] == "uniform" ? v["sampling"]["rate"].get<double>() : 1;
  const int64_t row = train::FeatureCache::row_bytes(job.model(), border, *job.inputs);
  const auto rows =
      static_cast<int64_t>(std::ceil(rate * static_cast<double>(job.data.train.size()))) * kept;
  const Json& given = v["train"]["cache_limit"];
  const int64_t limit =
      given == "auto" ? usable_memory_bytes() / 4 : parse_bytes(given, "train.cache_limit");
  bytes = row * (rows + job.data.validation.size());
  if (row * rows > limit) {
    bytes = 0;
    return false;
  }
  return true;
}

struct Costs {
  Allowance allowance;
  double forward_s = 0;
  int64_t forward_peak = 0;
  data::ReadCost data;
  int64_t batch_bytes = 0;
  int64_t pass_batch = 0;
  std::vector<std::pair<Candidate, Probe>> tried;  // without a method: what need not be tried again

  /// Seconds that may be spent on trying one candidate.
  double allowed(const train::Job& job) const {
    return std::min(0.02 * job.config.budget.time_s.value_or(1200), 0.5 * allowance.left());
  }
};

/// Where trying a candidate would itself take more memory than there may be, and not by a little:
/// the least bytes of tensors that its updates need, which is known all the same. 0 is no limit.
std::optional<int64_t> need_beyond(train::Job& job, const Candidate& candidate, int64_t limit) {
  if (limit <= 0) return std::nullopt;
  const int64_t updates = update_bytes(job, candidate);
  if (updates <= kOtherBytes || held_bytes() + updates <= limit) return std::nullopt;
  release_free_memory();
  if (held_bytes() + updates <= limit) return std::nullopt;
  return live_tensor_bytes() + updates;
}

/// Probes at a batch that time and memory allow; what is larger is extrapolated, and what there is
/// no time for is estimated.
Probe probe_within(train::Job& job, const Candidate& candidate, Costs& costs, int64_t batch,
                   int64_t memory_limit) {
  const bool plain = peft::name_of(candidate.methods) == "none";
  for (const auto& [earlier, result] : costs.tried) {
    if (plain && earlier.blocks == candidate.blocks && earlier.from == candidate.from)
      return result;
  }
  const double estimate =
      estimated_step(job, candidate, costs.forward_s, static_cast<double>(batch));
  const double allowed = costs.allowed(job);
  Probe p;
  if (const auto least = need_beyond(job, candidate, memory_limit)) {
    p.trainable = count_trainable(job, candidate);
    p.live_bytes = live_tensor_bytes();
    p.peak_bytes = *least;
    p.step_s = estimate;
    p.timed = true;
  } else if (estimate * 2 <= allowed) {
    // Quick updates are noisy one by one, and cheap to repeat.
    const int most = estimate < 0.05 ? 25 : 5;
    const int updates =
        std::clamp(static_cast<int>(allowed / std::max(1e-6, estimate)) - 1, 1, most);
    p = probe(job, candidate, batch, updates, costs.allowance, memory_limit);
  } else if (costs.allowance.fits(kTinyUpdates * estimate / static_cast<double>(batch))) {
    p = probe(job, candidate, batch, 0, costs.allowance, 1);  // at 1 and 2 samples, memory scaled
    p.step_s = estimate;
    p.timed = true;
  } else {
    p.trainable = count_trainable(job, candidate);
    p.step_s = estimate;
    p.timed = true;
    p.tried = false;
  }
  if (plain) costs.tried.emplace_back(candidate, p);
  return p;
}

/// What train::solve_head holds at a time: the features in double precision, as they are, centred
/// and scaled, and those of the validation split.
int64_t solving_bytes(const train::Job& job) {
  const int64_t width = job.model().classifier().weight().size(1);
  return (3 * job.data.train.size() + job.data.validation.size()) * width *
         static_cast<int64_t>(sizeof(double));
}

StageCost cost_of(train::Job& job, const Candidate& given, Costs& costs, double steps,
                  double passes, bool solved, int64_t memory_limit, Probe* probed) {
  StageCost cost;
  const int border = *std::min_element(given.blocks.begin(), given.blocks.end());
  const auto batch = job.config.values["train"]["batch"].get<int64_t>();
  const auto every = job.config.values["updates"]["every"].get<int64_t>();
  if (!costs.allowance.spent())
    cost.cached = will_cache(job, border, solved ? 1e9 : passes, cost.cache_bytes);
  Candidate candidate = given;
  candidate.from = cost.cached ? border : 0;
  Probe p;
  if (solved) {  // no update is made
    p.trainable = count_trainable(job, candidate);
    p.timed = true;
    p.tried = costs.forward_peak > 0;
  } else {
    p = probe_within(job, candidate, costs, batch, memory_limit);
  }
  if (probed) *probed = p;
  cost.peak_bytes =
      p.peak_bytes + cost.cache_bytes + (cost.cached ? 0 : kPrefetched * costs.batch_bytes);
  cost.peak_bytes =
      std::max(cost.peak_bytes, costs.forward_peak + cost.cache_bytes +
                                    kPrefetched * costs.pass_batch * costs.batch_bytes / batch);
  if (solved) {
    cost.peak_bytes =
        std::max(cost.peak_bytes, live_tensor_bytes() + cost.cache_bytes + solving_bytes(job));
  }
  cost.steps = solved ? 0 : steps;
  const auto threads = job.config.values["threads"].get<double>();
  // Both splits go through the frozen prefix when it is kept, and when a head is solved.
  const auto n = static_cast<double>(job.data.train.size() + job.data.validation.size());
  if (cost.cached || solved) cost.fill_s = n * (costs.forward_s + costs.data.first_s / threads);
  cost.step_s = static_cast<double>(every) * p.step_s;
  if (!cost.cached && !solved && job.shares_prefixes(border)) {
    // Made-up texts have nothing in common.
    cost.step_s *= update_flops(job, candidate, job.inputs->computed_share(batch)) /
                   std::max(1.0, update_flops(job, candidate));
  }
  if (!cost.cached && !solved && passes > 0) {
    // Decoding shares the cores with the products; pictures that are kept cost less after the first
    // pass.
    const double read = (costs.data.first_s + std::max(0.0, passes - 1) * costs.data.again_s) /
                        std::max(1.0, passes);
    cost.step_s += static_cast<double>(batch * every) * read / threads;
  }
  return cost;
}

Costs measure_costs(train::Job& job, const Tried& tried) {
  Costs costs{
      tried.allowance, tried.forward.sample_s, 0, tried.data, 0, train::pass_batch(job), {}};
  costs.batch_bytes =
      job.config.values["train"]["batch"].get<int64_t>() * job.inputs->example(1).bytes();
  const auto forwards = static_cast<double>(8 * costs.pass_batch);
  if (costs.forward_s == 0 || costs.allowance.fits(forwards * costs.forward_s)) {
    const ForwardProbe forward = probe_forward(job, costs.pass_batch, costs.allowance.part(0.5));
    costs.forward_s = forward.sample_s;
    costs.forward_peak = forward.peak_bytes;
  }
  if (costs.data.first_s == 0 || !costs.allowance.spent())
    costs.data = probe_data(job, 8, costs.allowance.part(0.3));
  const double read = costs.data.first_s / job.config.values["threads"].get<double>();
  job.forward_s = std::max(costs.forward_s, read);
  return costs;
}

int64_t image_cache_bytes(const train::Job& job, const data::ReadCost& data) {
  const Json& given = job.config.values["train"]["image_cache"];
  if (given == "none") return 0;
  int64_t limit = std::min<int64_t>(usable_memory_bytes() / 8, int64_t{1} << 30);
  if (given != "auto")
    limit = parse_bytes(given, "train.image_cache");
  else if (job.config.budget.memory)
    limit = std::min(limit, *job.config.budget.memory / 8);
  const auto samples = static_cast<double>(job.data.train.size() + job.data.validation.size());
  return std::min(limit, static_cast<int64_t>(samples * data.kept_bytes));
}

/// Resident size when tensors need `peak` bytes: beside them stands what the process holds anyway.
/// What the arena keeps for the next update lies where the peak was, unless it falls apart; a limit
/// allows for that with `slack` (graft/tensor/memory.h).
int64_t resident_of(int64_t peak, int64_t without_tensors, double slack = 1) {
  return without_tensors + static_cast<int64_t>(slack * static_cast<double>(peak)) + kOtherBytes;
}

/// The job with the head that a language model has where it learns apart from the embedding.
class HeadApart {
 public:
  explicit HeadApart(train::Job& job) : job_(job) {
    if (!models::head_is_tied(job.model())) return;
    kept_ = std::move(job.loaded);
    profile_ = job.profile;
    job.loaded = models::untie_head(*kept_.model);
    job.model().set_precision(kept_.model->precision());
    job.model().to(kept_.model->device());
    job.profile = train::measure_profile(job.model(), *job.inputs);
  }
  ~HeadApart() {
    if (!kept_.model) return;
    job_.loaded = std::move(kept_);
    job_.profile = std::move(profile_);
  }
  HeadApart(const HeadApart&) = delete;
  HeadApart& operator=(const HeadApart&) = delete;

 private:
  train::Job& job_;
  models::LoadedModel kept_;
  train::Profile profile_;
};

double total_steps(const train::Job& job) {
  const int64_t steps = train::planned_steps(job);
  return steps < 0 ? 0 : static_cast<double>(steps);
}

}  // namespace

namespace {

/// Bytes of tensors that a stage needs at one sample, and at each further one.
struct Need {
  int64_t one, more;
  bool tried = true;  ///< false: it does not fit, and `one` is the least
};

/// Tried once, whatever the allowance, because a limit on memory has to hold.
std::vector<Need> measure_needs(train::Job& job, int64_t limit, const Tried& tried) {
  std::vector<Need> needs;
  for (const auto& stage : strategies::make_stages(job.config.strategy, job.outline())) {
    const Candidate candidate{stage.name, job.config.methods, stage.blocks, 0};
    int64_t cache_bytes = 0;
    will_cache(job, stage.blocks.front(), 1e9, cache_bytes);
    // What cannot fit is not tried: that would take the memory.
    if (const auto least = need_beyond(job, candidate, limit)) {
      needs.push_back({*least, 0, false});
      continue;
    }
    const int64_t one = probe(job, candidate, 1, 0, tried.allowance, 1).peak_bytes;
    const int64_t two = probe(job, candidate, 2, 0, tried.allowance, 1).peak_bytes;
    needs.push_back({one + std::min(cache_bytes, limit / 4), two - one});
  }
  return needs;
}

}  // namespace

void fit_memory(train::Job& job, train::PlanFacts& facts, bool given, const Tried& tried) {
  if (!job.config.budget.memory) return;
  const int64_t limit = *job.config.budget.memory;
  Json& batch = job.config.values["train"]["batch"];
  Json& recompute = job.config.values["train"]["recompute"];
  const auto first = batch.get<int64_t>();
  const bool open = recompute == "auto";
  const data::ReadCost data = probe_data(job, 4, tried.allowance);
  const int64_t pictures = job.model().device().is_cpu() ? image_cache_bytes(job, data) : 0;
  release_free_memory();
  const int64_t without_tensors = held_bytes() - live_tensor_bytes();
  std::vector<Need> needs = measure_needs(job, limit, tried);
  const int64_t sample_bytes = job.inputs->example(1).bytes();
  while (true) {
    int64_t needed = 0;
    const int64_t inputs = batch.get<int64_t>() * sample_bytes;
    for (const Need& need : needs) {
      const int64_t tensors =
          need.one + (batch.get<int64_t>() - 1) * need.more + kPrefetched * inputs;
      needed = std::max(needed, resident_of(tensors, without_tensors, kArenaSlack) + pictures);
    }
    needed += needed / 50;  // the system gives memory in pages of 2 MiB
    if (needed <= limit) break;
    const auto now = batch.get<int64_t>();
    if ((given || now == 1) && recompute == "auto") {
      recompute = "blocks";
      batch = first;
      needs = measure_needs(job, limit, tried);
      continue;
    }
    if (given || now == 1) {
      fail(ErrorCode::no_plan,
           "budget.memory={} is too small: training {} with strategy={} and train.batch={} needs "
           "{} {}; raise it, give a smaller "
           "train.batch (or train.batch_tokens), or strategy=head",
           show_bytes(static_cast<double>(limit)), job.model().family(), job.config.strategy.name,
           now, std::ranges::all_of(needs, &Need::tried) ? "about" : "more than",
           show_bytes(static_cast<double>(needed)));
    }
    batch = now / 2;
  }
  const bool again = open && recompute == "blocks";
  const bool smaller = batch.get<int64_t>() != first;
  Decider d(job, facts);
  if (again) {
    d.note("train.recompute", recompute,
           fmt::format("a batch of {} does not fit budget.memory otherwise", given ? first : 1));
  }
  if (smaller)
    d.note("train.batch", batch, fmt::format("{} samples do not fit budget.memory", first));
  if (again || smaller) reread(job.config);
}

void predict(train::Job& job, train::PlanFacts& facts, bool compare, const Tried& tried) {
  Costs costs = measure_costs(job, tried);
  const double steps = total_steps(job);
  const train::EpochShape shape = train::epoch_shape(job);
  const int64_t limit = job.config.budget.memory.value_or(0);
  double seconds = 0;
  double step_s = 0;
  int64_t peak = 0;
  bool known = true;  // the memory
  release_free_memory();
  const int64_t without_tensors = held_bytes() - live_tensor_bytes();
  double share_solved = 0;
  for (const auto& stage : job.stages) share_solved += stage.solver == "gradient" ? 0 : stage.share;
  for (const auto& stage : job.stages) {
    const bool solved = stage.solver != "gradient";
    const double share = solved ? 0 : stage.share / std::max(1e-9, 1 - share_solved);
    Probe p;
    const StageCost cost =
        cost_of(job, {stage.name, job.config.methods, stage.blocks, 0}, costs, share * steps,
                share * steps / static_cast<double>(shape.steps), solved, limit, &p);
    seconds += cost.seconds();
    known = known && p.tried;
    step_s = std::max(step_s, cost.step_s);
    peak = std::max(peak, cost.peak_bytes);
  }
  seconds += static_cast<double>(job.objective().samples_before(job)) * costs.forward_s;
  facts.predicted = {
      {"step_s", step_s},
      {"train_s", job.config.budget.time_s ? Json(std::min(seconds, *job.config.budget.time_s))
                                           : Json(seconds)},
      {"peak_tensor_bytes", known ? Json(peak) : Json(nullptr)},
      {"rss_bytes",
       // What opening the model took for a moment counts as well.
       known && job.model().device().is_cpu()
           ? Json(std::max(resident_of(peak, without_tensors) + image_cache_bytes(job, costs.data),
                           peak_resident_bytes()))
           : Json(nullptr)}};
  const bool no_updates = std::all_of(job.stages.begin(), job.stages.end(),
                                      [](const auto& stage) { return stage.solver != "gradient"; });
  if (steps == 0 && !no_updates && job.config.budget.time_s)
    facts.predicted["train_s"] = *job.config.budget.time_s;

  const auto outline = job.outline();
  const auto none = peft::parse_methods("none");
  const auto batch = job.config.values["train"]["batch"].get<double>();
  const auto add = [&](const std::string& name, const std::vector<peft::Choice>& methods,
                       const std::vector<strategies::Stage>& stages) {
    double time = 0;
    double slowest = 0;
    int64_t most = 0;
    int64_t trainable = 0;
    double flops = 0;
    bool timed = true;
    bool tried_all = true;
    for (const auto& stage : stages) {
      Probe p;
      const Candidate candidate{name, methods, stage.blocks, 0};
      const StageCost cost =
          cost_of(job, candidate, costs, stage.share * steps,
                  stage.share * steps / static_cast<double>(shape.steps), false, limit, &p);
      timed = timed && p.timed;
      tried_all = tried_all && p.tried;
      time += cost.seconds();
      slowest = std::max(slowest, cost.step_s);
      most = std::max(most, cost.peak_bytes);
      trainable = std::max(trainable, p.trainable);
      flops = std::max(flops, update_flops(job, candidate));
    }
    facts.candidates.push_back({{"name", name},
                                {"trainable", trainable},
                                {"flops_per_sample", flops},
                                {"step_s", timed ? Json(slowest) : Json(nullptr)},
                                {"peak_bytes", tried_all ? Json(most) : Json(nullptr)},
                                {"train_s", timed && steps > 0 ? Json(time) : Json(nullptr)}});
  };
  if (compare) {
    add("full", none, strategies::make_stages(strategies::parse_strategy("full"), outline));
    add("lora", peft::parse_methods("lora"),
        strategies::make_stages(strategies::parse_strategy("full"), outline));
    const HeadApart apart(job);
    if (outline.head < outline.blocks)
      add("head", none, strategies::make_stages(strategies::parse_strategy("head"), outline));
    add("layer-wise", none,
        strategies::make_stages(strategies::parse_strategy("layer-wise"), outline));
  }
  // Full fine-tuning is only for comparison: tried at a few samples, so that it does not cost the
  // memory that the run itself saves.
  const Candidate whole{"full", none, strategies::blocks_from(outline, 0), 0};
  constexpr int64_t kFew = 8;
  const int64_t few = std::min<int64_t>(kFew, static_cast<int64_t>(batch));
  const double few_s = estimated_step(job, whole, costs.forward_s, static_cast<double>(few));
  const auto tell_full = [&](double sample_s, int64_t peak_bytes) {
    facts.full = {
        {"step_s", sample_s * batch * job.config.values["updates"]["every"].get<double>()},
        {"sample_s", sample_s},
        {"peak_tensor_bytes", peak_bytes}};
  };
  if (const auto least = need_beyond(job, whole, limit)) {
    tell_full(few_s / static_cast<double>(few), *least);
  } else if (compare || 3 * few_s < costs.allowed(job)) {
    const Probe memory = probe(job, whole, static_cast<int64_t>(batch), 0, costs.allowance, 1);
    // A comparison must stay small beside the run that it is for.
    const double worth = std::max(0.1, 0.05 * seconds);
    const int updates =
        std::clamp(static_cast<int>(std::min(costs.allowed(job), worth) / few_s) - 1, 1, 5);
    const Probe time = probe(job, whole, few, updates, costs.allowance);
    const double passes = steps / static_cast<double>(shape.steps);
    const double read = (costs.data.first_s + std::max(0.0, passes - 1) * costs.data.again_s) /
                        std::max(1.0, passes);
    tell_full(
        time.step_s / static_cast<double>(few) + read / job.config.values["threads"].get<double>(),
        memory.peak_bytes + kPrefetched * costs.batch_bytes);
  }
  reset_peak_tensor_bytes();
}

}  // namespace graft::plan
