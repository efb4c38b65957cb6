#include "graft/plan/probe.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/clock.h"
#include "graft/nn/norm.h"
#include "graft/nn/seam.h"
#include "graft/tensor/device.h"
#include "graft/tensor/memory.h"
#include "graft/train/frozen_weights.h"
#include "graft/train/loss.h"
#include "graft/train/optimizer.h"
#include "graft/train/trained_set.h"

namespace graft::plan {
namespace {

/// Puts back whatever a probe may have touched: adapters, flags, statistics.
class Untouched {
 public:
  explicit Untouched(models::Model& model) : model_(model) {
    for (auto& p : model.registry().parameters) {
      flags_.push_back(p.value->requires_grad());
      if (p.is_buffer()) buffers_.push_back(p.value->clone());
    }
    for (nn::Seam* seam : model.registry().seams) adapters_.push_back(seam->adapters());
    for (nn::BatchNorm* norm : model.registry().batch_norms)
      batch_statistics_.push_back(norm->uses_batch_statistics());
    for (nn::Seam* seam : model.registry().seams) seam->detach_all();
  }
  ~Untouched() {
    const at::NoGradGuard no_grad;
    size_t flag = 0;
    size_t buffer = 0;
    for (auto& p : model_.registry().parameters) {
      if (p.value->grad().defined()) p.value->mutable_grad() = at::Tensor();
      if (!p.is_buffer())
        p.value->set_requires_grad(flags_[flag]);
      else
        p.value->copy_(buffers_[buffer++]);
      ++flag;
    }
    for (size_t i = 0; i < adapters_.size(); ++i) {
      nn::Seam* seam = model_.registry().seams[i];
      seam->detach_all();
      for (const auto& adapter : adapters_[i]) seam->attach(adapter);
    }
    for (size_t i = 0; i < batch_statistics_.size(); ++i) {
      model_.registry().batch_norms[i]->use_batch_statistics(batch_statistics_[i]);
    }
  }
  Untouched(const Untouched&) = delete;
  Untouched& operator=(const Untouched&) = delete;

 private:
  models::Model& model_;
  std::vector<char> flags_, batch_statistics_;
  std::vector<at::Tensor> buffers_;
  std::vector<std::vector<std::shared_ptr<nn::Adapter>>> adapters_;
};

nn::Flow made_up_flow(train::Job& job, int64_t batch, int from) {
  models::Model& model = job.model();
  if (from == 0) return job.inputs->example(batch).to(model.device());
  // One sample as often as it is wanted: the prefix shall not be paid for.
  const at::NoGradGuard no_grad;
  nn::Context context;
  return model.forward(job.inputs->example(1).to(model.device()), context, 0, from)
      .map([batch](const at::Tensor& t) {
        std::vector<int64_t> times(static_cast<size_t>(t.dim()), 1);
        times[0] = batch;
        return t.repeat(times);
      });
}

struct Run {
  double seconds = 0;
  int64_t peak = 0, live = 0;
};

Run run_updates(train::Job& job, const Candidate& candidate,
                const std::vector<train::TrainedTensor>& trained, int64_t batch, int updates,
                const Allowance& allowance) {
  models::Model& model = job.model();
  nn::Context context;
  context.training = true;
  context.recompute = job.recomputes();
  context.generator = new_generator(model.device(), 1);
  context.trained.assign(static_cast<size_t>(model.size()), false);
  for (const int b : candidate.blocks) context.trained[static_cast<size_t>(b)] = true;
  const int border = std::max(train::lowest_block(trained), candidate.from);
  const at::Tensor targets = job.objective().example_targets(job, batch);
  const train::LossOptions loss = train::loss_options(job);
  train::OptimizerOptions options;
  options.kind = job.config.values["train"]["optimizer"].get<std::string>();
  train::Optimizer optimizer(options);
  Run run;
  run.live = live_tensor_bytes();
  const nn::Flow start = made_up_flow(job, batch, candidate.from);
  reset_peak_tensor_bytes();
  std::vector<double> seconds;
  for (int i = 0; i <= updates; ++i) {
    Stopwatch watch;
    nn::Flow flow = start;
    if (candidate.from < border) {
      const at::NoGradGuard no_grad;
      flow = model.forward(std::move(flow), context, candidate.from, border);
    }
    flow = model.forward(std::move(flow), context, border);
    job.objective().loss(flow, targets, loss).sum.backward();
    // A rate of zero moves no weight by a bit, and costs what any other does.
    optimizer.step(trained, [](const train::TrainedTensor&) { return 0.0; });
    for (const auto& tensor : trained) tensor.value->mutable_grad() = at::Tensor();
    finish_work(model.device());
    // The first is slow, and only counts where there is no other.
    if (i == 1) seconds.clear();
    seconds.push_back(watch.seconds());
    // A GPU loads its programs then, which says nothing about the others.
    if (!allowance.fits(seconds.back()) && (i > 0 || model.device().is_cpu())) break;
  }
  std::nth_element(seconds.begin(),
                   seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2),
                   seconds.end());
  run.seconds = seconds[seconds.size() / 2];
  run.peak = peak_tensor_bytes();
  return run;
}

}  // namespace

namespace {

/// Attaches what the candidate trains; inside an Untouched.
std::vector<train::TrainedTensor> attach(models::Model& model, const Candidate& candidate) {
  const bool backbone = std::any_of(candidate.blocks.begin(), candidate.blocks.end(),
                                    [&](int b) { return b < model.head(); });
  if (backbone || !models::tells_classes(model.task()))
    train::attach_adapters(model, candidate.methods, nn::Init(0));
  return train::trained_tensors(model, candidate.methods, candidate.blocks);
}

/// Weights as a run with the candidate would hold them, while this lives.
class WeightsOfRun {
 public:
  WeightsOfRun(train::Job& job, const Candidate& candidate,
               const std::vector<train::TrainedTensor>& trained)
      : model_(job.model()) {
    std::vector<train::TrainedTensor> ever = trained;
    // What another stage of the run learns is not frozen in this one.
    if (peft::to_json(candidate.methods) == peft::to_json(job.config.methods)) {
      for (const auto& stage : strategies::make_stages(job.config.strategy, job.outline())) {
        const auto more = train::trained_tensors(model_, candidate.methods, stage.blocks);
        ever.insert(ever.end(), more.begin(), more.end());
      }
    }
    replaced_ = train::settle_weights(job, candidate.methods, ever);
  }
  ~WeightsOfRun() { nn::restore_weights(model_.registry(), replaced_); }
  WeightsOfRun(const WeightsOfRun&) = delete;
  WeightsOfRun& operator=(const WeightsOfRun&) = delete;
  /// Bytes that only lie aside until then: a run does not have them.
  int64_t aside() const {
    int64_t bytes = 0;
    for (const auto& [place, weight] : replaced_) bytes += static_cast<int64_t>(weight.nbytes());
    return bytes;
  }

 private:
  models::Model& model_;
  nn::ReplacedWeights replaced_;
};

int64_t count(const std::vector<train::TrainedTensor>& trained) {
  int64_t sum = 0;
  for (const auto& tensor : trained) sum += tensor.value->numel();
  return sum;
}

}  // namespace

int64_t count_trainable(train::Job& job, const Candidate& candidate) {
  const Untouched untouched(job.model());
  return count(attach(job.model(), candidate));
}

int64_t update_bytes(train::Job& job, const Candidate& candidate) {
  const bool adam = job.config.values["train"]["optimizer"].get<std::string>().starts_with("adam");
  return count_trainable(job, candidate) * static_cast<int64_t>(sizeof(float)) * (adam ? 3 : 1);
}

Probe probe(train::Job& job, const Candidate& candidate, int64_t batch, int updates,
            const Allowance& allowance, int64_t memory_limit) {
  models::Model& model = job.model();
  const Untouched untouched(model);
  const auto trained = attach(model, candidate);
  // Nothing to learn: such a stage is left out of a run.
  if (trained.empty()) return {};
  const WeightsOfRun weights(job, candidate, trained);
  train::apply_trained(model, trained);
  const bool adapters = peft::name_of(candidate.methods) != "none";
  const Json& batch_norm = job.config.values["train"]["batch_norm"];
  const bool frozen = batch_norm == "frozen" || (batch_norm == "auto" && batch < 16);
  for (nn::BatchNorm* norm : model.registry().batch_norms) {
    norm->use_batch_statistics(
        !adapters && !frozen &&
        std::binary_search(candidate.blocks.begin(), candidate.blocks.end(), norm->block()));
  }
  Probe result;
  result.trainable = count(trained);
  if (memory_limit > 0) {
    const Run one = run_updates(job, candidate, trained, 1, 0, allowance);
    const Run two = run_updates(job, candidate, trained, 2, 0, allowance);
    result.live_bytes = one.live - weights.aside();
    const int64_t peak = one.peak + (batch - 1) * std::max<int64_t>(0, two.peak - one.peak);
    result.peak_bytes = peak - weights.aside();
    result.resident_bytes = held_bytes() - weights.aside() + std::max<int64_t>(0, peak - two.peak);
    if (result.resident_bytes > memory_limit) return result;
  }
  const Run run = run_updates(job, candidate, trained, batch, updates, allowance);
  result.timed = true;
  result.step_s = run.seconds;
  result.peak_bytes = run.peak - weights.aside();
  result.live_bytes = run.live - weights.aside();
  result.resident_bytes = held_bytes() - weights.aside();
  return result;
}

double update_flops(const train::Job& job, const Candidate& candidate, double computed) {
  std::vector<bool> base(static_cast<size_t>(job.model().size()), false);
  for (const int b : candidate.blocks)
    base[static_cast<size_t>(b)] =
        peft::name_of(candidate.methods) == "none" || b >= job.model().head();
  return job.update_flops(candidate.from, candidate.blocks.front(), base, computed);
}

double estimated_step(const train::Job& job, const Candidate& candidate, double forward_s,
                      double batch) {
  const double all = std::max(1.0, job.profile.forward(0, job.model().size()));
  return batch * forward_s * update_flops(job, candidate) / all;
}

ForwardProbe probe_forward(train::Job& job, int64_t batch, const Allowance& allowance) {
  models::Model& model = job.model();
  const at::NoGradGuard no_grad;
  nn::Context context;
  const nn::Flow start = made_up_flow(job, batch, 0);
  ForwardProbe result;
  reset_peak_tensor_bytes();
  constexpr double kLongForward = 0.05;
  std::vector<double> seconds;
  for (int i = 0; i < 3; ++i) {
    Stopwatch watch;
    model.forward(start, context, 0, model.size());
    finish_work(model.device());
    if (i == 1) seconds.clear();
    seconds.push_back(watch.seconds());
    // The first takes several times what the others do: it says little about them. A second that
    // takes long says enough.
    if (i > 0 && (!allowance.fits(seconds.back()) || seconds.back() > kLongForward)) break;
  }
  std::sort(seconds.begin(), seconds.end());
  result.sample_s = seconds[seconds.size() / 2] / static_cast<double>(batch);
  result.peak_bytes = peak_tensor_bytes();
  return result;
}

data::ReadCost probe_data(train::Job& job, int samples, const Allowance& allowance) {
  return job.inputs->try_reading(job.data.train, samples, [&] { return allowance.spent(); });
}

}  // namespace graft::plan
