#include "graft/train/loop.h"

#include <torch/csrc/autograd/generated/variable_factories.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/io/tensor_map.h"
#include "graft/nn/norm.h"
#include "graft/tensor/device.h"
#include "graft/tensor/memory.h"
#include "graft/train/epoch.h"
#include "graft/train/schedule.h"
#include "graft/train/solve_head.h"
#include "graft/train/stop.h"

namespace graft::train {
namespace {

constexpr double kSaveEverySeconds = 60;
constexpr double kSaveApartSeconds = 1;

OptimizerOptions optimizer_options(const Config& config) {
  OptimizerOptions o;
  const Json& train = config.values["train"];
  o.kind = train["optimizer"].get<std::string>();
  o.momentum = train["momentum"].get<double>();
  o.weight_decay = train["weight_decay"].get<double>();
  o.beta1 = train["betas"][0].get<double>();
  o.beta2 = train["betas"][1].get<double>();
  return o;
}

/// True while none of the model's batch norms uses batch statistics; gives them back at the end.
class StatisticsFrozen {
 public:
  explicit StatisticsFrozen(models::Model& model) {
    for (nn::BatchNorm* norm : model.registry().batch_norms) {
      if (!norm->uses_batch_statistics()) continue;
      norm->use_batch_statistics(false);
      changed_.push_back(norm);
    }
  }
  ~StatisticsFrozen() {
    for (nn::BatchNorm* norm : changed_) norm->use_batch_statistics(true);
  }
  StatisticsFrozen(const StatisticsFrozen&) = delete;
  StatisticsFrozen& operator=(const StatisticsFrozen&) = delete;

 private:
  std::vector<nn::BatchNorm*> changed_;
};

}  // namespace

Loop::Loop(Job& job, Deadline& deadline, std::filesystem::path folder,
           std::vector<Observer*> observers)
    : job_(job),
      deadline_(deadline),
      folder_(std::move(folder)),
      observers_(std::move(observers)),
      loss_(loss_options(job)),
      optimizer_(optimizer_options(job.config)),
      average_(job.config.values["train"]["ema"].get<double>()),
      reader_(
          std::make_unique<Reader>(job, [this](const std::string& message) { warn(message); })) {
  const Config& config = job_.config;
  shape_ = epoch_shape(job_);
  planned_steps_ = total_steps_ = planned_steps(job_);
  eval_every_ = config.values["train"]["eval_every"].get<double>();
  if (!config.values["budget"]["replay"].is_null()) {
    replay_ = read_replay(config.values["budget"]["replay"].get<std::string>());
    total_steps_ = static_cast<int64_t>(replay_->progress.size());
  }
  context_.training = true;
  context_.recompute = job_.recomputes();
  context_.generator = new_generator(job.model().device(), config.seed());

  std::set<std::string> seen;
  std::set<int> blocks;
  double solved_share = 0;
  for (const auto& stage : job_.stages) {
    int64_t trainable = 0;
    for (auto& tensor : trained_tensors(job_.model(), config.methods, stage.blocks)) {
      trainable += tensor.value->numel();
      if (seen.insert(tensor.name).second) ever_trained_.push_back(tensor);
    }
    most_trainable_ = std::max(most_trainable_, trainable);
    blocks.insert(stage.blocks.begin(), stage.blocks.end());
    if (stage.solver != "gradient") solved_share += stage.share;
  }
  for (const auto& p : job_.model().registry().parameters) {
    if (p.is_buffer() && blocks.count(p.block)) buffers_.push_back(p);
  }
  // A head that is solved directly takes no part of the budget worth counting.
  double end = 0;
  for (const auto& stage : job_.stages) {
    if (stage.solver == "gradient") end += stage.share / std::max(1e-9, 1 - solved_share);
    stage_ends_.push_back(end);
  }
}

Loop::~Loop() = default;

void Loop::warn(const std::string& message) {
  for (Observer* observer : observers_) observer->on_warning(message);
}

double Loop::epochs_done() const {
  return static_cast<double>(state_.epoch) +
         std::min(1.0, static_cast<double>(state_.batch) / static_cast<double>(shape_.batches));
}

double Loop::current_progress() const {
  if (replay_)
    return replay_->progress[static_cast<size_t>(std::min(state_.step, total_steps_ - 1))];
  double progress =
      total_steps_ > 0 ? static_cast<double>(state_.step) / static_cast<double>(total_steps_) : 0;
  return std::max(progress, deadline_.progress());
}

int Loop::stage_at(double progress) const {
  int stage = static_cast<int>(state_.stage);
  while (stage + 1 < static_cast<int>(stage_ends_.size()) &&
         progress >= stage_ends_[static_cast<size_t>(stage)] - 1e-12) {
    ++stage;
  }
  return stage;
}

void Loop::begin_stage(bool resumed) {
  models::Model& model = job_.model();
  const strategies::Stage& stage = job_.stages[static_cast<size_t>(state_.stage)];
  const Config& config = job_.config;
  std::vector<TrainedTensor> trained = trained_tensors(model, config.methods, stage.blocks);
  std::erase_if(trained_, [&](const TrainedTensor& old) {
    return std::any_of(trained.begin(), trained.end(),
                       [&](const TrainedTensor& t) { return t.value == old.value; });
  });
  average_.settle(trained_);
  trained_ = std::move(trained);
  if (trained_.empty()) {
    fail_usage("stage '{}' has nothing to train: the method {} finds no tensor in its blocks",
               stage.name, peft::name_of(config.methods));
  }
  apply_trained(model, trained_);
  if (!resumed) optimizer_.keep_only(trained_);

  const std::string norms = config.values["train"]["batch_norm"].get<std::string>();
  const bool adapters_only = peft::name_of(config.methods) != "none";
  for (nn::BatchNorm* norm : model.registry().batch_norms) {
    const bool trains = std::binary_search(stage.blocks.begin(), stage.blocks.end(), norm->block());
    norm->use_batch_statistics(trains && norms != "frozen" && !adapters_only);
  }
  context_.trained.assign(static_cast<size_t>(model.size()), false);
  for (const int b : stage.blocks) context_.trained[static_cast<size_t>(b)] = true;
  base_trained_.assign(static_cast<size_t>(model.size()), false);
  for (const auto& tensor : trained_) {
    if (!tensor.adapter && tensor.decays) base_trained_[static_cast<size_t>(tensor.block)] = true;
  }

  const double begin = state_.stage > 0 ? stage_ends_[static_cast<size_t>(state_.stage) - 1] : 0;
  const double share = stage_ends_[static_cast<size_t>(state_.stage)] - begin;
  double passes = 1e9;  // under a time budget alone, as many as fit
  if (planned_steps_ > 0)
    passes = share * static_cast<double>(planned_steps_) / static_cast<double>(shape_.steps);
  if (stage.solver != "gradient") passes = 1e9;
  Stopwatch watch;
  int64_t through_prefix = 0;
  const int border = std::min(lowest_block(trained_), stage.blocks.front());
  const bool cached = fill_caches(border, passes, through_prefix);
  if (!resumed) {
    work_.cache_s += watch.seconds();
    work_.flops += static_cast<double>(through_prefix) * job_.profile.forward(0, border);
  }
  stream_.reset();

  int64_t trainable = 0;
  StageEvent event{state_.step, state_.stage, stage.name, {}, 0, stage.rate, 0, cached, nullptr};
  if (const auto& kept = reader_->kept())
    event.kept = {{"samples", kept->samples}, {"views", kept->views}, {"batch", kept->batch}};
  for (const auto& tensor : trained_) trainable += tensor.value->numel();
  for (const int b : stage.blocks) event.blocks.push_back(model.block_name(b));
  event.trainable = trainable;
  event.lr =
      stage.rate * config.values["train"][border >= model.head() ? "head_lr" : "lr"].get<double>();
  if (!resumed) {
    for (Observer* observer : observers_) observer->on_stage(event);
  }
  if (stage.solver != "gradient" && !resumed) {
    Stopwatch solving;
    solve_ahead_s_ = 0;
    const int64_t read = solve_head(job_, *reader_, stage.solver,
                                    config.values["train"]["ridge"].get<double>(), deadline_);
    // A pass over the samples, forward only.
    state_.samples += read;
    work_.samples_forward += read;
    if (cached) work_.samples_cached += read;
    work_.train_s += solving.seconds();
  }
  solve_ahead_s_ = 0;
  expect_steps(border);
}

int Loop::lowest_due() const {
  const Json& updates = job_.config.values["updates"];
  if (updates["policy"] != "nested") return 0;
  // Trained blocks from the head down fall into levels; level g is due every base^g updates.
  // Intervals are nested, so what is due is always the upper part of the chain and backward can
  // stop below it.
  const auto& blocks = job_.stages[static_cast<size_t>(state_.stage)].blocks;
  const auto levels = updates["levels"].get<int64_t>();
  const auto base = updates["base"].get<int64_t>();
  const auto count = static_cast<int64_t>(blocks.size());
  int64_t interval = 1;
  int64_t due_levels = 0;
  for (int64_t level = 0; level < levels; ++level, interval *= base) {
    if (state_.step % interval != 0) break;
    due_levels = level + 1;
  }
  const int64_t due = (count * due_levels + levels - 1) / levels;
  return blocks[static_cast<size_t>(count - std::clamp<int64_t>(due, 1, count))];
}

bool Loop::train_window(std::string& failure) {
  models::Model& model = job_.model();
  const Config& config = job_.config;
  const auto every = config.values["updates"]["every"].get<int64_t>();
  Stopwatch watch;
  const int due = lowest_due();
  if (due > 0) apply_trained(model, trained_, due);
  const int border = std::max(lowest_block(trained_), due);

  double loss_sum = 0;
  double weight = 0;
  int64_t samples = 0;
  bool epoch_ended = false;
  for (int64_t micro = 0; micro < every; ++micro) {
    if (!stream_)
      stream_ = std::make_unique<BatchStream>(job_, *reader_, state_.epoch, state_.batch);
    Stopwatch data_watch;
    std::optional<MicroBatch> batch = stream_->next();
    work_.data_s += data_watch.seconds();
    if (!batch) {
      epoch_ended = true;
      break;
    }
    state_.batch = batch->number + 1;
    if (batch->positions.empty()) continue;
    work_.tokens += batch->tokens;
    work_.shared_tokens += batch->shared;
    const nn::Flow flow = pass(model, *batch, border, context_);
    const LossValue loss = job_.objective().loss(flow, batch->targets, loss_);
    const double value = loss.sum.item<double>();
    if (!std::isfinite(value)) {
      const at::Tensor bad = loss.per_sample.isfinite().logical_not().nonzero();
      const int64_t row = bad.numel() > 0 ? bad[0].item<int64_t>() : 0;
      failure = fmt::format("the loss became {} at step {}, sample {}", value, state_.step + 1,
                            job_.data.train.sample(batch->positions[static_cast<size_t>(row)]).id);
      return false;
    }
    loss.sum.backward();
    loss_sum += value;
    weight += loss.weight;
    work_.learned_tokens += static_cast<int64_t>(loss.tokens);
    const auto count = static_cast<int64_t>(batch->positions.size());
    samples += count;
    work_.samples_forward += count;
    work_.samples_backward += count;
    if (batch->from > 0) work_.samples_cached += count;
    work_.flops += static_cast<double>(count) *
                   job_.update_flops(batch->from, border, base_trained_, batch->computed());
  }
  seen_samples_ += samples;
  seen_weight_ += weight;
  if (samples > 0) {
    const double seconds_before = watch.seconds();
    step_optimizer(weight, loss_sum, seconds_before, samples);
  }
  if (due > 0) apply_trained(model, trained_);
  if (epoch_ended || state_.batch >= stream_->size()) {
    stream_.reset();
    ++state_.epoch;
    state_.batch = 0;
    if (!job_.inputs->random()) check_learned();
  }
  return true;
}

void Loop::check_learned() const {
  if (seen_samples_ == 0 || seen_weight_ > 0) return;
  fail_unreadable(
      "none of the {} samples that were read has anything to learn (the first is {}): all that is "
      "wanted of them is cut off by train.max_length, weighs nothing (train.class_weights), or is "
      "not there; look at them with graft check",
      seen_samples_, job_.data.train.sample(0).id);
}

void Loop::step_optimizer(double weight, double loss_sum, double seconds, int64_t samples) {
  const Config& config = job_.config;
  const Json& train = config.values["train"];
  Stopwatch watch;
  // Gradients are of the sum; the mean over the whole window is taken once, here. Where every
  // sample weighs nothing there is nothing to learn from.
  const double mean = weight > 0 ? 1 / weight : 0;
  const double norm = mean * gradient_norm(trained_);
  const strategies::Stage& stage = job_.stages[static_cast<size_t>(state_.stage)];
  const double factor = schedule_factor(train["schedule"].get<std::string>(), state_.progress,
                                        train["warmup"].get<double>());
  const double lr = train["lr"].get<double>() * stage.rate * factor;
  const double head_lr = train["head_lr"].get<double>() * stage.rate * factor;
  const double layer_decay = train["layer_decay"].get<double>();
  const int head = job_.model().head();
  optimizer_.step(
      trained_,
      [&](const TrainedTensor& tensor) {
        if (tensor.head) return head_lr;
        const double depth = layer_decay == 1 ? 1 : std::pow(layer_decay, head - 1 - tensor.block);
        return lr * stage.backbone_scale * depth;
      },
      mean * clip_factor(norm, train["clip"].get<double>()));
  for (const auto& tensor : trained_) tensor.value->mutable_grad() = at::Tensor();
  average_.update(trained_, state_.step);

  ++state_.step;
  state_.samples += samples;
  ++work_.steps;
  const double total = seconds + watch.seconds();
  work_.train_s += total;
  deadline_.record_step(total);
  double left = -1;
  if (total_steps_ > 0)
    left = static_cast<double>(total_steps_ - state_.step) * deadline_.typical_step();
  if (deadline_.limited()) left = left < 0 ? deadline_.left() : std::min(left, deadline_.left());
  StepEvent event{state_.step,
                  epochs_done(),
                  state_.stage,
                  state_.progress,
                  weight > 0 ? loss_sum / weight : 0,
                  lowest_block(trained_) >= head ? head_lr : lr,
                  samples,
                  state_.samples,
                  total,
                  norm,
                  left};
  for (Observer* observer : observers_) observer->on_step(event);
}

void Loop::evaluate_validation(bool last) {
  if (job_.data.validation.empty()) return;
  // What is kept free for the last one is not for those before it.
  if (last) begin_measuring(kTestShare);
  Stopwatch watch;
  EvaluationEvent event;
  {
    average_.swap(trained_);
    const StatisticsFrozen frozen(job_.model());
    auto found = reader_->evaluate(job_.data.validation, deadline_, state_.best_step < 0);
    average_.swap(trained_);
    validation_.reset();
    if (found.size() == 0) return;  // no time for a single batch: nothing was measured
    event.seconds = watch.seconds();
    validation_.emplace(std::move(found));
  }
  event.metrics = validation_->metrics();
  event.loss = validation_->loss();
  const eval::Metric& metric = eval::find_metric(job_.config.values["metric"].get<std::string>());
  const double value = validation_->metric(metric.name).value;
  // Broken weights still get some samples right; they are never the best. Nor is what the clock cut
  // short.
  const bool whole = validation_->samples() >= validated_;
  const bool improved = metric.higher_is_better ? value > state_.best : value < state_.best;
  const bool better = replay_ ? replay_->best.count(state_.step) > 0
                              : validation_->samples() > 0 && std::isfinite(event.loss) &&
                                    std::isfinite(value) &&
                                    (state_.best_step < 0 || (whole && improved));
  validated_ = std::max(validated_, validation_->samples());
  if (better) {
    state_.best = value;
    state_.best_step = state_.step;
    state_.bad_evaluations = 0;
    keep_settings(job_.objective().settings(job_, validation_->predictions()));
  } else {
    ++state_.bad_evaluations;
  }
  validation_->describe(job_);
  scoring_s_ =
      std::max(scoring_s_, validation_->seconds() / static_cast<double>(validation_->samples()));
  state_.last_evaluation = state_.step;
  state_.evaluated_progress = state_.progress;
  work_.eval_s += event.seconds;
  event.step = state_.step;
  event.epoch = epochs_done();
  event.split = "validation";
  event.best = better;
  for (Observer* observer : observers_) observer->on_evaluation(event);
  if (better) save("best");
  // Where evaluations follow each other quickly, most of the time would go into writing.
  const bool asked = job_.config.values["train"]["checkpoint_every"].get<int64_t>() > 0;
  if (!saved_ || asked || seconds_since_process_start() - last_save_s_ >= kSaveApartSeconds)
    save("last");
}

LoopResult Loop::run() {
  deadline_.begin();
  save_s_ = 0.02 + static_cast<double>(job_.model().parameter_bytes()) / 3e8;
  deadline_.reserve([this] { return seconds_to_end(); });
  const Stopwatch watch;
  job_.objective().begin(job_, *reader_, deadline_, folder_, restored_);
  work_.eval_s += watch.seconds();
  begin_stage(restored_);
  deadline_.begin();
  last_save_s_ = seconds_since_process_start();
  const auto patience = job_.config.values["train"]["patience"].get<int64_t>();
  const auto save_every = job_.config.values["train"]["checkpoint_every"].get<int64_t>();
  LoopResult result{"completed", ""};
  if (!job_.data.validation.empty() && state_.last_evaluation < 0 &&
      job_.stages[static_cast<size_t>(state_.stage)].solver != "gradient") {
    if (fits_evaluation()) evaluate_validation(false);
  }
  bool stepped = false;
  while (true) {
    state_.progress = current_progress();
    if (const int next = stage_at(state_.progress); next != state_.stage) {
      if (state_.last_evaluation != state_.step && fits_evaluation()) evaluate_validation(false);
      state_.stage = next;
      begin_stage(false);
      state_.progress = current_progress();
      continue;
    }
    const bool last_is_solved =
        job_.stages[static_cast<size_t>(state_.stage)].solver != "gradient" &&
        state_.stage + 1 == static_cast<int64_t>(job_.stages.size());
    if (last_is_solved) break;
    if (total_steps_ > 0 && state_.step >= total_steps_) break;
    if (deadline_.limited() && !replay_ &&
        (!deadline_.fits_step() || (stepped && state_.progress >= 1))) {
      result.status = "deadline";
      break;
    }
    if (stop_requested()) {
      save("last");
      result.status = "interrupted";
      return result;
    }
    if (const auto& limit = job_.config.budget.memory; limit && held_bytes() > *limit) {
      release_free_memory();
      if (held_bytes() > *limit) {
        save("last");
        result = {"memory", fmt::format("{} are resident, budget.memory allows {}",
                                        show_bytes(static_cast<double>(held_bytes())),
                                        show_bytes(static_cast<double>(*limit)))};
        return result;
      }
    }
    if (!train_window(result.detail)) {
      result.status = "diverged";
      return result;
    }
    stepped = true;
    if (evaluation_due() && fits_evaluation()) {
      state_.progress = current_progress();
      evaluate_validation(false);
      last_save_s_ = seconds_since_process_start();
    } else if ((save_every > 0 && state_.step % save_every == 0) ||
               (save_every == 0 &&
                seconds_since_process_start() - last_save_s_ > kSaveEverySeconds)) {
      save("last");
    }
    bool stop = patience > 0 && !replay_ && state_.bad_evaluations >= patience;
    for (Observer* observer : observers_) stop = observer->wants_stop() || stop;
    if (stop) {
      result.status = "early-stopped";
      break;
    }
  }
  check_learned();
  if (state_.last_evaluation != state_.step && !replay_ &&
      (state_.best_step < 0 || fits_last_evaluation())) {
    evaluate_validation(true);
  }
  if (result.status == "completed" && reader_->training_cut()) result.status = "deadline";
  save("last");  // with the live weights: a run that is killed from here on must not swap twice
  if (average_.on()) average_.swap(ever_trained_);  // the average is the result
  return result;
}

}  // namespace graft::train
