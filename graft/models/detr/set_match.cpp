#include "graft/models/detr/set_match.h"

#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "graft/base/error.h"
#include "graft/models/box_truth.h"
#include "graft/models/detr/hungarian.h"
#include "graft/tensor/parallel.h"

namespace graft::models {
namespace {

constexpr double kSmall = 1e-8;  // keeps logarithms finite

/// What costs are made of, on the CPU.
class Costs {
 public:
  Costs(const SetOutput& output, const SetTruth& truth, const MatchRule& rule)
      : rule_(rule), truth_(truth) {
    const at::NoGradGuard no_grad;
    const at::Tensor logits = output.logits.detach();
    scores_ = rule.focal ? at::sigmoid(logits) : at::softmax(logits, -1);
    scores_ = scores_.to(at::kCPU, at::kDouble).contiguous();
    boxes_ = output.boxes.detach().to(at::kCPU, at::kDouble).contiguous();
  }

  /// Of the objects of a picture: [Q, objects].
  CostMatrix of(int64_t picture) const {
    const int64_t begin = truth_.first[static_cast<size_t>(picture)];
    const int64_t objects = truth_.first[static_cast<size_t>(picture) + 1] - begin;
    const int64_t queries = boxes_.size(1), classes = scores_.size(2);
    CostMatrix matrix{queries, objects,
                      std::vector<double>(static_cast<size_t>(queries * objects))};
    const double* scores = scores_.data_ptr<double>() + picture * queries * classes;
    const double* boxes = boxes_.data_ptr<double>() + picture * queries * 4;
    const double* truth = truth_.boxes.data_ptr<double>() + begin * 4;
    const int64_t* labels = truth_.labels.data_ptr<int64_t>() + begin;
    for (int64_t q = 0; q < queries; ++q) {
      for (int64_t k = 0; k < objects; ++k) {
        const double cost = rule_.classes * class_cost(scores[q * classes + labels[k]]) +
                            rule_.box * distance(boxes + q * 4, truth + k * 4) -
                            rule_.giou * giou(boxes + q * 4, truth + k * 4);
        // As transformers replaces it: never chosen where anything else can be.
        matrix.at(q, k) = std::isfinite(cost) ? cost : std::numeric_limits<float>::max();
      }
    }
    return matrix;
  }

 private:
  double class_cost(double score) const {
    if (!rule_.focal) return -score;
    const auto [alpha, gamma] = *rule_.focal;
    const double found = -alpha * std::pow(1 - score, gamma) * std::log(score + kSmall);
    const double not_found = -(1 - alpha) * std::pow(score, gamma) * std::log(1 - score + kSmall);
    return found - not_found;
  }

  static double distance(const double* a, const double* b) {
    double sum = 0;
    for (int side = 0; side < 4; ++side) sum += std::abs(a[side] - b[side]);
    return sum;
  }

  static double giou(const double* a, const double* b) {
    std::array<double, 2> common{}, around{};
    for (size_t axis = 0; axis < 2; ++axis) {
      const double a0 = a[axis] - a[axis + 2] / 2, a1 = a[axis] + a[axis + 2] / 2;
      const double b0 = b[axis] - b[axis + 2] / 2, b1 = b[axis] + b[axis + 2] / 2;
      common[axis] = std::max(std::min(a1, b1) - std::max(a0, b0), 0.0);
      around[axis] = std::max(a1, b1) - std::min(a0, b0);
    }
    const double both = common[0] * common[1];
    const double together = a[2] * a[3] + b[2] * b[3] - both;
    const double whole = around[0] * around[1];
    return both / together - (whole - together) / whole;
  }

  const MatchRule& rule_;
  const SetTruth& truth_;
  at::Tensor scores_, boxes_;
};

}  // namespace

SetTruth::SetTruth(const std::vector<std::vector<Truth>>& truth, image::Dimensions input,
                   int64_t classes)
    : first{0} {
  std::vector<int64_t> its;
  std::vector<double> sides;
  for (const auto& picture : usable_truth(truth, input, classes, skipped)) {
    for (const auto& [box, label] : picture) {
      const double x0 = box.x0, y0 = box.y0, x1 = box.x1, y1 = box.y1;
      its.push_back(label);
      sides.insert(sides.end(), {(x0 + x1) / 2 / input.width, (y0 + y1) / 2 / input.height,
                                 (x1 - x0) / input.width, (y1 - y0) / input.height});
    }
    first.push_back(static_cast<int64_t>(its.size()));
  }
  labels = at::tensor(its, at::kLong);
  boxes = at::tensor(sides, at::kDouble).view({-1, 4});
}

at::Tensor corners_of(const at::Tensor& boxes) {
  const at::Tensor centre = boxes.slice(-1, 0, 2), half = boxes.slice(-1, 2, 4) / 2;
  return at::cat({centre - half, centre + half}, -1);
}

SetPairs match_set(const SetOutput& output, const SetTruth& truth, const MatchRule& rule) {
  GRAFT_ASSERT(output.logits.dim() == 3 && output.boxes.dim() == 3 &&
               output.logits.size(0) == truth.pictures());
  const Costs costs(output, truth, rule);
  std::vector<std::vector<RowColumn>> found(static_cast<size_t>(truth.pictures()));
  parallel_for(truth.pictures(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) found[static_cast<size_t>(i)] = assign(costs.of(i));
  });
  int64_t count = 0;
  for (const auto& picture : found) count += static_cast<int64_t>(picture.size());
  at::Tensor numbers = at::empty({3, count}, at::kLong);
  auto at = numbers.accessor<int64_t, 2>();
  int64_t k = 0;
  for (int64_t i = 0; i < truth.pictures(); ++i) {
    for (const auto& [query, object] : found[static_cast<size_t>(i)]) {
      at[0][k] = i;
      at[1][k] = query;
      at[2][k++] = truth.first[static_cast<size_t>(i)] + object;
    }
  }
  numbers = numbers.to(output.logits.device());
  return {numbers[0], numbers[1], numbers[2]};
}

}  // namespace graft::models
