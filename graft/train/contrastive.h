#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "graft/data/dataset.h"
#include "graft/train/loss.h"

/// Losses of texts that are compared by the cosine of their vectors. A sample is k texts, one
/// behind the other in "features" [B k, D]: the anchor, its positive, and k - 2 negatives.
namespace graft::train {

/// What tells the texts of samples apart: [B, k] int64, equal where texts are equal.
at::Tensor text_keys(const data::View& view, const std::vector<int64_t>& positions,
                     int64_t texts_a_sample);

/// Cosines [B] float32 of the first two texts of each sample.
at::Tensor pair_cosines(const at::Tensor& features, int64_t texts_a_sample);

/// InfoNCE with in-batch negatives (Henderson et al. 2017, arXiv:1705.00652; van den Oord et al.
/// 2018, arXiv:1807.03748): the cross entropy of the positive of each anchor among all positives
/// and negatives of the batch, cosines times `scale`. With `symmetric` also of the anchor of each
/// positive among all anchors, and the mean of both. Texts that are equal are never negatives of
/// one another, nor are the positives of equal anchors (`keys` as of text_keys). Every anchor
/// weighs 1.
LossValue contrastive_loss(const at::Tensor& features, const at::Tensor& keys, double scale,
                           bool symmetric);

/// CoSENT (Huang et al. 2024, doi:10.1109/TASLP.2024.3402087): log(1 + sum of exp(scale (cos_i -
/// cos_j))) over all pairs i, j of the batch of which j has the higher score. It is one number a
/// batch: each of its samples weighs 1 and has it as its loss. `scores` [B].
LossValue cosent_loss(const at::Tensor& features, const at::Tensor& scores, double scale);

/// The squared difference of cosine and score; `scores` [B] from 0 (or -1) to 1.
LossValue cosine_loss(const at::Tensor& features, const at::Tensor& scores);

/// Where the positive of each anchor stands among the positives and negatives of all samples by its
/// cosine, from 1; what equals it, and positives of equal anchors, are left out, and what is as
/// near stands before it. `features` [n k, D], `keys` [n, k].
std::vector<int64_t> positive_ranks(const at::Tensor& features, const at::Tensor& keys);

}  // namespace graft::train
