#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/models/detector.h"

namespace graft::train {

struct Job;

struct LossOptions {
  /// train.loss, as the objective allows it; of one row a sample: cross-entropy, focal (Lin et al.
  /// 2017, arXiv:1708.02002) or squared
  std::string kind = "cross-entropy";
  double focal_gamma = 2;
  double dpo_beta = 0.1;
  double label_smoothing = 0;  ///< Szegedy et al. 2016, arXiv:1512.00567
  at::Tensor class_weights;    ///< [C] or undefined
  bool multi_label = false;    ///< binary cross entropy, mean over classes
  // Of texts that are compared (train/contrastive.h).
  double scale = 20;
  bool symmetric = false;
  double score_low = 0, score_high = 1;              ///< scores that stand for cosines of 0 and 1
  std::shared_ptr<const models::Detector> detector;  ///< where objects are learned
};

struct LossValue {
  at::Tensor sum;         ///< scalar: sum over samples of weight x loss, what backward runs on
  at::Tensor per_sample;  ///< [B], weighted, detached
  double weight =
      0;  ///< sum of weights: the loss of a window is its sum of sums over its sum of weights
  double tokens = 0;  ///< that a language model had to predict
};

/// As the job's configuration says, on its model's device.
LossOptions loss_options(const Job& job);

/// `logits` [B, C] in float32; `targets` int64 [B], or float [B, C] (mixed, multi-label, or the
/// numbers that "squared" compares).
LossValue compute_loss(const at::Tensor& logits, const at::Tensor& targets,
                       const LossOptions& options);

/// Weights [C] for train.class_weights: "balanced" is N / (C count), else a mapping by class.
at::Tensor make_class_weights(const Json& given, const std::vector<std::string>& classes,
                              const std::vector<int64_t>& counts);

}  // namespace graft::train
