#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/base/clock.h"
#include "graft/train/loop.h"

/// What the loop does about its time: what to keep free for the end, what still fits.
namespace graft::train {
namespace {

constexpr double kMargin = 1.3;  // on what measuring should take
constexpr double kMeasureShare =
    0.4;                            // of the time left goes to measuring at most, when it is short
constexpr double kFillShare = 0.5;  // of a stage's time goes to filling its cache at most

/// L-BFGS on the regularised loss over all strengths of regularisation: some two hundred passes.
double solving_seconds(const at::Tensor& weight, int64_t samples) {
  const double flops = 200.0 * 6 * static_cast<double>(samples * weight.numel());
  return core_contention() * (0.02 + flops / 1e10);
}

}  // namespace

/// From here on, what is reserved is what comes behind the measuring that begins now, and at most
/// `share` of the time left.
void Loop::begin_measuring(double share) {
  validation_ahead_ = false;
  measuring_most_s_ = share * deadline_.left_in_all();
}

double Loop::measuring_seconds(const data::View& view, double sample_s) const {
  return reader_->seconds_for(view, sample_s) + scoring_seconds(view);
}

double Loop::seconds_to_end() const {
  // The machine may have become slower since a sample last went forward alone; steps tell.
  const double by_steps = forwards_per_step_ > 0 && !reader_->train_cache()
                              ? deadline_.typical_step() / forwards_per_step_
                              : 0;
  double measuring = measuring_seconds(job_.data.test, by_steps);
  if (validation_ahead_) measuring += measuring_seconds(job_.data.validation, by_steps);
  return std::min(kMargin * measuring + solve_ahead_s_, measuring_most_s_) + 3 * save_s_ +
         exit_seconds();
}

bool Loop::fill_caches(int border, double passes, int64_t& through_prefix) {
  const strategies::Stage& stage = job_.stages[static_cast<size_t>(state_.stage)];
  const bool solved = stage.solver != "gradient";
  std::optional<Kept> replayed;
  if (replay_) {
    const auto found = replay_->kept.find(state_.stage);
    replayed = found == replay_->kept.end() ? Kept{} : found->second;
  }
  validation_ahead_ = true;
  measuring_most_s_ = kMeasureShare * deadline_.left_in_all();
  Deadline until = deadline_;
  if (solved) {
    solve_ahead_s_ = solving_seconds(job_.model().classifier().weight(), job_.train_size());
  } else if (deadline_.limited()) {
    const double rest = 1 - state_.progress;
    const double share =
        (stage_ends_[static_cast<size_t>(state_.stage)] - state_.progress) / std::max(1e-9, rest);
    until = deadline_.earlier((1 - kFillShare * std::clamp(share, 0.0, 1.0)) *
                              std::max(0.0, deadline_.left()));
  }
  const bool cached = reader_->begin_border(border, passes, until, replayed, through_prefix);
  if (cached) {
    begin_measuring(kTestShare);
    reader_->cache_validation(solved ? deadline_ : until);
  }
  validation_ahead_ = true;
  measuring_most_s_ = kMeasureShare * deadline_.left_in_all();
  return cached;
}

/// Before a stage's first step nothing but the forward pass tells how long it will take.
void Loop::expect_steps(int border) {
  const Json& v = job_.config.values;
  const FeatureCache* cache = reader_->train_cache();
  const double all = std::max(1.0, job_.profile.forward(0, job_.model().size()));
  const int64_t batch = std::min(v["train"]["batch"].get<int64_t>(), shape_.samples);
  forwards_per_step_ = static_cast<double>(batch * v["updates"]["every"].get<int64_t>()) *
                       job_.update_flops(cache ? cache->border() : 0, border, base_trained_) / all;
  deadline_.expect_step(forwards_per_step_ * reader_->pace().sample_s());
}

/// Whether an evaluation before the last one fits. The first of a short time is not worth its time:
/// the last one is sure.
bool Loop::fits_evaluation() const {
  if (!deadline_.limited() || replay_) return true;
  const double seconds = kMargin * measuring_seconds(job_.data.validation, 0);
  return seconds <= (state_.best_step < 0 ? 0.1 : 1.0) * deadline_.left();
}

bool Loop::fits_last_evaluation() {
  if (!deadline_.limited()) return true;
  begin_measuring(kTestShare);
  return deadline_.fits(measuring_seconds(job_.data.validation, 0));
}

bool Loop::evaluation_due() const {
  if (job_.data.validation.empty()) return false;
  if (replay_) return replay_->evaluations.count(state_.step) > 0;
  if (total_steps_ < 0) {  // time alone: by share of the time, an epoch's worth at least
    return state_.progress - state_.evaluated_progress >= 0.05 && epochs_done() >= 1;
  }
  const auto interval =
      std::max<int64_t>(1, std::llround(eval_every_ * static_cast<double>(shape_.steps)));
  return state_.step % interval == 0;
}

}  // namespace graft::train
