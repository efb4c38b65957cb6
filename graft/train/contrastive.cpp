#include "graft/train/contrastive.h"

#include <torch/types.h>

#include <algorithm>
#include <limits>

#include "graft/base/error.h"
#include "graft/base/rng.h"

namespace graft::train {
namespace {

constexpr double kNone = -std::numeric_limits<double>::infinity();

/// The texts of samples as unit vectors in float32: anchors [B, D], and what is compared with them
/// [(k - 1) B, D], all positives first.
struct Compared {
  at::Tensor anchors, candidates;
};

Compared compared(const at::Tensor& features, int64_t texts_a_sample) {
  const at::Tensor x = features.to(at::kFloat);
  const at::Tensor unit = x / x.norm(2, {1}, true).clamp_min(1e-12);
  const at::Tensor texts = unit.view({-1, texts_a_sample, unit.size(1)}).transpose(0, 1);
  return {texts[0], texts.slice(0, 1).reshape({-1, unit.size(1)})};
}

/// [rows, (k - 1) n]: what is no wrong answer to the anchors `first` … `first + rows - 1`, their
/// own positive included.
at::Tensor no_negatives(const at::Tensor& keys, int64_t first, int64_t rows) {
  const at::Tensor anchors = keys.select(1, 0);
  const at::Tensor own = keys.narrow(0, first, rows);
  const at::Tensor candidates = keys.slice(1, 1).t().reshape({1, -1});
  at::Tensor same = candidates.eq(own.select(1, 1).unsqueeze(1))
                        .logical_or_(candidates.eq(own.select(1, 0).unsqueeze(1)));
  same.narrow(1, 0, keys.size(0))
      .logical_or_(anchors.unsqueeze(0).eq(own.select(1, 0).unsqueeze(1)));
  return same;
}

LossValue loss_of(const at::Tensor& losses) {
  LossValue value;
  value.sum = losses.sum();
  value.per_sample = losses.detach();
  value.weight = static_cast<double>(losses.size(0));
  return value;
}

}  // namespace

at::Tensor text_keys(const data::View& view, const std::vector<int64_t>& positions,
                     int64_t texts_a_sample) {
  at::Tensor keys = at::empty({static_cast<int64_t>(positions.size()), texts_a_sample}, at::kLong);
  auto* out = keys.data_ptr<int64_t>();
  for (const int64_t position : positions) {
    const data::Text text = view.text(position);
    *out++ = static_cast<int64_t>(hash_text(text.first));
    *out++ = static_cast<int64_t>(hash_text(text.second.value_or("")));
    for (int64_t k = 2; k < texts_a_sample; ++k)
      *out++ = static_cast<int64_t>(hash_text(text.negatives.at(static_cast<size_t>(k - 2))));
  }
  return keys;
}

at::Tensor pair_cosines(const at::Tensor& features, int64_t texts_a_sample) {
  const Compared texts = compared(features, texts_a_sample);
  return (texts.anchors * texts.candidates.narrow(0, 0, texts.anchors.size(0))).sum(1);
}

LossValue contrastive_loss(const at::Tensor& features, const at::Tensor& keys, double scale,
                           bool symmetric) {
  const Compared texts = compared(features, keys.size(1));
  const int64_t n = keys.size(0);
  const at::Tensor logits = scale * texts.anchors.matmul(texts.candidates.t());
  const at::Tensor own = logits.diagonal();
  at::Tensor left_out = no_negatives(keys, 0, n);
  left_out.fill_diagonal_(false);
  const at::Tensor scored = logits.masked_fill(left_out, kNone);
  at::Tensor all = at::logsumexp(scored, {1});
  if (symmetric) all = (all + at::logsumexp(scored.narrow(1, 0, n), {0})) / 2;
  return loss_of(all - own);
}

LossValue cosent_loss(const at::Tensor& features, const at::Tensor& scores, double scale) {
  const at::Tensor cosines = scale * pair_cosines(features, 2);
  const at::Tensor difference = cosines.unsqueeze(1) - cosines.unsqueeze(0);
  const at::Tensor in_order = scores.unsqueeze(1).ge(scores.unsqueeze(0));
  const at::Tensor terms = difference.masked_fill(in_order, kNone).view({-1});
  const at::Tensor loss = at::logsumexp(at::cat({at::zeros({1}, terms.options()), terms}), {0});
  return loss_of(loss.expand({scores.size(0)}));
}

LossValue cosine_loss(const at::Tensor& features, const at::Tensor& scores) {
  return loss_of((pair_cosines(features, 2) - scores).square());
}

std::vector<int64_t> positive_ranks(const at::Tensor& features, const at::Tensor& keys) {
  constexpr int64_t kAtATime = int64_t{1} << 22;  // cosines
  const at::NoGradGuard no_grad;
  const int64_t n = keys.size(0);
  std::vector<int64_t> ranks;
  if (n == 0) return ranks;
  const Compared texts = compared(features, keys.size(1));
  const int64_t rows = std::max<int64_t>(1, kAtATime / texts.candidates.size(0));
  for (int64_t first = 0; first < n; first += rows) {
    const int64_t count = std::min(rows, n - first);
    const at::Tensor cosines = texts.anchors.narrow(0, first, count).matmul(texts.candidates.t());
    const at::Tensor own = cosines.diagonal(first).narrow(0, 0, count).unsqueeze(1);
    const at::Tensor before =
        cosines.ge(own).logical_and_(no_negatives(keys, first, count).logical_not_());
    const at::Tensor rank = before.sum(1) + 1;
    ranks.insert(ranks.end(), rank.data_ptr<int64_t>(), rank.data_ptr<int64_t>() + count);
  }
  return ranks;
}

}  // namespace graft::train
