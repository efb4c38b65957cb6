#include "graft/plan/lr_range.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/base/clock.h"
#include "graft/nn/norm.h"
#include "graft/train/batches.h"
#include "graft/train/epoch.h"
#include "graft/train/loss.h"
#include "graft/train/optimizer.h"
#include "graft/train/trained_set.h"

namespace graft::plan {

RangeTest lr_range_test(train::Job& job, double low, double high, int steps, double seconds) {
  models::Model& model = job.model();
  const auto& stage = job.stages.back();
  const auto trained = train::trained_tensors(model, job.config.methods, stage.blocks);
  const int border = train::lowest_block(trained);

  std::vector<at::Tensor> kept;
  std::vector<char> statistics;
  kept.reserve(trained.size() + model.registry().parameters.size());
  for (const auto& tensor : trained) kept.push_back(tensor.value->detach().clone());
  for (auto& p : model.registry().parameters) {
    if (p.is_buffer()) kept.push_back(p.value->clone());
  }
  for (nn::BatchNorm* norm : model.registry().batch_norms) {
    statistics.push_back(norm->uses_batch_statistics());
    norm->use_batch_statistics(false);
  }
  train::apply_trained(model, trained);

  RangeTest result;
  Stopwatch watch;
  std::vector<double> rates, smooth;
  {
    train::Reader reader(job, [](const std::string&) {});
    train::OptimizerOptions options;
    options.kind = job.config.values["train"]["optimizer"].get<std::string>();
    options.weight_decay = 0;
    train::Optimizer optimizer(options);
    nn::Context context;
    context.recompute = job.recomputes();
    double average = 0;
    double least = INFINITY;
    int64_t epoch = 0;
    const train::LossOptions loss_options = train::loss_options(job);
    data::BatchOrder first = train::epoch_batches(job, epoch);
    if (steps < first.batches()) first.order.resize(static_cast<size_t>(first.end(steps - 1)));
    const bool only_these = job.objective().begin_trial(job, reader, first.order);
    auto stream = std::make_unique<train::BatchStream>(job, reader, epoch, 0);
    double slowest = 0;
    double begin = 0;
    while (result.steps < steps && watch.seconds() + slowest < seconds) {
      begin = watch.seconds();
      auto batch = stream->next();
      if (!batch) {
        if (!only_these) ++epoch;
        stream = std::make_unique<train::BatchStream>(job, reader, epoch, 0);
        continue;
      }
      if (batch->positions.empty()) continue;
      const nn::Flow flow = train::pass(model, *batch, border, context);
      const auto loss = job.objective().loss(flow, batch->targets, loss_options);
      (loss.sum / std::max(1.0, loss.weight)).backward();
      const double value = loss.sum.item<double>() / std::max(1.0, loss.weight);
      const double rate =
          low * std::pow(high / low, static_cast<double>(result.steps) / (steps - 1));
      optimizer.step(trained, [rate](const train::TrainedTensor&) { return rate; });
      for (const auto& tensor : trained) tensor.value->mutable_grad() = at::Tensor();
      ++result.steps;
      slowest = std::max(slowest, watch.seconds() - begin);
      average = 0.7 * average + 0.3 * value;
      const double corrected = average / (1 - std::pow(0.7, result.steps));
      rates.push_back(rate);
      smooth.push_back(corrected);
      least = std::min(least, corrected);
      if (!std::isfinite(value) || corrected > 4 * least) break;
    }
  }
  {
    const at::NoGradGuard no_grad;
    size_t next = 0;
    for (const auto& tensor : trained) {
      tensor.value->copy_(kept[next++]);
      tensor.value->mutable_grad() = at::Tensor();
    }
    for (auto& p : model.registry().parameters) {
      if (p.is_buffer()) p.value->copy_(kept[next++]);
    }
  }
  for (size_t i = 0; i < statistics.size(); ++i)
    model.registry().batch_norms[i]->use_batch_statistics(statistics[i]);
  result.seconds = watch.seconds();
  // The steepest fall, seen over a fifth of the range so that single batches do not decide.
  const size_t span = std::max<size_t>(3, rates.size() / 5);
  double steepest = 0;
  for (size_t i = 0; i + span < smooth.size(); ++i) {
    const double fall = smooth[i] - smooth[i + span];
    if (fall > steepest && std::isfinite(fall)) {
      steepest = fall;
      result.lr = rates[i + span / 2];
    }
  }
  if (!smooth.empty() && steepest < 0.05 * smooth.front()) result.lr = 0;
  return result;
}

}  // namespace graft::plan
