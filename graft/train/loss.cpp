#include "graft/train/loss.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/base/options.h"
#include "graft/train/job.h"

namespace graft::train {
namespace {

/// (what is missing to a probability of 1)^gamma; bounded below, because 0^gamma has no finite
/// slope for gamma < 1.
at::Tensor focus(const at::Tensor& missing, double gamma) {
  return missing.clamp_min(1e-8).pow(gamma);
}

}  // namespace

LossOptions loss_options(const Job& job) {
  LossOptions o;
  const Json& train = job.config.values["train"];
  o.kind = train["loss"].get<std::string>();
  o.focal_gamma = train["focal_gamma"].get<double>();
  o.dpo_beta = train["dpo_beta"].get<double>();
  o.label_smoothing = train["label_smoothing"].get<double>();
  o.multi_label = job.data.multi_label();
  o.scale = train["scale"].get<double>();
  o.symmetric = train["symmetric"].get<bool>();
  if (const Json& range = train["score_range"]; !range.is_null()) {
    o.score_low = range[0].get<double>();
    o.score_high = range[1].get<double>();
  }
  if (job.data.boxes()) o.detector = models::make_detector(job.model());
  if (train["class_weights"].is_null()) return o;
  const auto& classes = job.model().classes();
  o.class_weights = make_class_weights(train["class_weights"], classes,
                                       job.data.train.class_counts(classes.size()))
                        .to(job.model().device());
  return o;
}

LossValue compute_loss(const at::Tensor& logits, const at::Tensor& targets,
                       const LossOptions& options) {
  LossValue result;
  const int64_t classes = logits.size(1);
  at::Tensor weights;  // one a sample
  at::Tensor losses;
  if (options.kind == "squared") {
    losses = (logits - targets).square().mean(1);
  } else if (options.multi_label) {
    const double s = options.label_smoothing;
    const at::Tensor soft = s > 0 ? targets * (1 - s) + s / 2 : targets;
    at::Tensor each =
        at::binary_cross_entropy_with_logits(logits, soft, {}, {}, at::Reduction::None);
    if (options.kind == "focal") {
      const at::Tensor p = logits.sigmoid();
      each = each * focus(p * (1 - soft) + (1 - p) * soft, options.focal_gamma);
    }
    if (options.class_weights.defined()) each = each * options.class_weights;
    losses = each.mean(1);
  } else {
    const at::Tensor logp = at::log_softmax(logits, 1);
    const bool hard = targets.dim() == 1;
    if (hard && options.label_smoothing == 0 && options.kind == "cross-entropy") {
      losses = -logp.gather(1, targets.unsqueeze(1)).squeeze(1);
    } else {
      at::Tensor soft = hard ? at::one_hot(targets, classes).to(logits.scalar_type()) : targets;
      if (options.label_smoothing > 0) {
        soft = soft * (1 - options.label_smoothing) +
               options.label_smoothing / static_cast<double>(classes);
      }
      at::Tensor each = soft * logp;
      if (options.kind == "focal") each = each * focus(1 - logp.exp(), options.focal_gamma);
      losses = -each.sum(1);
    }
    if (options.class_weights.defined()) {
      weights = hard ? options.class_weights.index_select(0, targets)
                     : targets.matmul(options.class_weights);
      losses = losses * weights;
    }
  }
  result.sum = losses.sum();
  result.per_sample = losses.detach();
  result.weight =
      weights.defined() ? weights.sum().item<double>() : static_cast<double>(logits.size(0));
  return result;
}

at::Tensor make_class_weights(const Json& given, const std::vector<std::string>& classes,
                              const std::vector<int64_t>& counts) {
  if (given.is_null()) return {};
  const auto n = static_cast<int64_t>(classes.size());
  at::Tensor weights = at::ones({n});
  float* out = weights.data_ptr<float>();
  if (given == "balanced") {
    double total = 0;
    for (const int64_t count : counts) total += static_cast<double>(count);
    for (size_t c = 0; c < classes.size(); ++c) {
      out[c] = counts[c] > 0 ? static_cast<float>(total / (static_cast<double>(n) *
                                                           static_cast<double>(counts[c])))
                             : 0;
    }
    return weights;
  }
  if (!given.is_object()) {
    fail_usage(
        "train.class_weights must be balanced or a mapping such as {{cat: 2, dog: 1}}, got {}",
        given.dump());
  }
  for (const auto& [name, value] : given.items()) {
    const auto found = std::find(classes.begin(), classes.end(), name);
    if (found == classes.end()) {
      fail_usage("train.class_weights: there is no class '{}'{}", name,
                 did_you_mean(name, classes));
    }
    if (!value.is_number() || value.get<double>() < 0) {
      fail_usage("train.class_weights: the weight of {} must be a number of at least 0, got {}",
                 name, value.dump());
    }
    out[found - classes.begin()] = value.get<float>();
  }
  return weights;
}

}  // namespace graft::train
