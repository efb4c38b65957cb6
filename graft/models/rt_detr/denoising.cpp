#include "graft/models/rt_detr/denoising.h"

#include <torch/types.h>

#include <algorithm>
#include <limits>

#include "graft/models/box_truth.h"

namespace graft::models::rtdetr {
namespace {

/// Objects of a batch side by side: [B, M], padded with the class that stands for none.
struct Padded {
  Padded(const SetTruth& truth, int64_t classes) {
    const int64_t most = most_objects(truth);
    const int64_t pictures = truth.pictures();
    labels = at::full({pictures, most}, classes, at::kLong);
    boxes = at::zeros({pictures, most, 4}, at::kFloat);
    for (int64_t i = 0; i < pictures; ++i) {
      const int64_t begin = truth.first[static_cast<size_t>(i)];
      const int64_t count = truth.first[static_cast<size_t>(i) + 1] - begin;
      labels[i].narrow(0, 0, count).copy_(truth.labels.narrow(0, begin, count));
      boxes[i].narrow(0, 0, count).copy_(truth.boxes.narrow(0, begin, count));
    }
  }
  at::Tensor labels, boxes;
};

}  // namespace

int64_t most_objects(const SetTruth& truth) {
  int64_t most = 0;
  for (size_t i = 0; i + 1 < truth.first.size(); ++i)
    most = std::max(most, truth.first[i + 1] - truth.first[i]);
  return most;
}

at::Tensor inverse_sigmoid(const at::Tensor& x) {
  constexpr double kEps = 1e-5;
  const at::Tensor inside = x.clamp(0, 1);
  return at::log(inside.clamp_min(kEps) / (1 - inside).clamp_min(kEps));
}

std::optional<Noised> noised_objects(const at::Tensor& objects, image::Dimensions input,
                                     int64_t classes, const Settings& s,
                                     const nn::Context& context) {
  if (s.noised == 0) return std::nullopt;
  const at::NoGradGuard no_grad;
  const Padded padded(SetTruth(truth_in(objects), input, classes), classes);
  const int64_t most = padded.labels.size(1);
  if (most == 0) return std::nullopt;
  const int64_t groups = std::max<int64_t>(1, s.noised / most);
  const auto options = objects.options().dtype(at::kFloat);
  Noised noised;
  noised.group = 2 * most;
  noised.labels = padded.labels.to(objects.device()).repeat({1, 2 * groups});
  at::Tensor boxes = padded.boxes.to(options).repeat({1, 2 * groups, 1});
  const int64_t pictures = noised.labels.size(0), count = noised.labels.size(1);
  if (s.label_noise > 0) {
    const at::Tensor changes =
        at::rand({pictures, count}, context.generator, options) < s.label_noise / 2;
    const at::Tensor others =
        at::randint(0, classes, {pictures, count}, context.generator, options.dtype(at::kInt));
    noised.labels =
        at::where(changes & (noised.labels != classes), others.to(at::kLong), noised.labels);
  }
  if (s.box_noise > 0) {
    const at::Tensor signs =
        at::randint(0, 2, {pictures, count, 4}, context.generator, options) * 2 - 1;
    const at::Tensor shifts = at::rand({pictures, count, 4}, context.generator, options);
    // The second half of each group lies further away.
    const at::Tensor far =
        (at::arange(count, options) / static_cast<double>(most)).floor().remainder(2).view({-1, 1});
    const at::Tensor half = boxes.slice(-1, 2, 4).repeat({1, 1, 2}) * 0.5 * s.box_noise;
    const at::Tensor corners = (corners_of(boxes) + (shifts + far) * signs * half).clamp(0, 1);
    const at::Tensor first = corners.slice(-1, 0, 2), last = corners.slice(-1, 2, 4);
    boxes = at::cat({(first + last) / 2, last - first}, -1);
  }
  noised.references = inverse_sigmoid(boxes);
  return noised;
}

at::Tensor noise_mask(int64_t noised, int64_t group, int64_t queries, const at::Tensor& like) {
  // Queries are group -1.
  const auto options = like.options().dtype(at::kLong);
  const at::Tensor groups =
      at::cat({at::arange(noised, options).floor_divide(group), at::full({queries}, -1, options)});
  const at::Tensor from = groups.unsqueeze(1), to = groups.unsqueeze(0);
  const at::Tensor hidden = (to >= 0) & (from != to);
  return at::zeros(hidden.sizes(), like.options())
      .masked_fill(hidden, -std::numeric_limits<double>::infinity());
}

}  // namespace graft::models::rtdetr
