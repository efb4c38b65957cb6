#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "graft/models/detector.h"

/// Detectors that say a set of boxes, each object once (Carion et al. 2020, arXiv:2005.12872).
namespace graft::models {

/// What such a detector says of a batch.
struct SetOutput {
  at::Tensor logits;  ///< [B, Q, classes], or one more for "no object", behind them
  at::Tensor boxes;   ///< [B, Q, 4]: centre x and y, width, height, in shares of the input's sides
};

/// The objects of a batch, one picture after the other, in the same measure; on the CPU.
struct SetTruth {
  /// `truth` in pixels of an input of that size; cut at its borders, and without what has no area
  /// there. Labels must be below `classes`.
  SetTruth(const std::vector<std::vector<Truth>>& truth, image::Dimensions input, int64_t classes);

  int64_t pictures() const { return static_cast<int64_t>(first.size()) - 1; }
  int64_t count() const { return first.back(); }

  std::vector<int64_t> first;  ///< where the objects of each picture begin, then where they end
  at::Tensor labels;           ///< [N] int64
  at::Tensor boxes;            ///< [N, 4] float64
  int64_t skipped = 0;
};

/// Of the focal loss (Lin et al. 2017, arXiv:1708.02002).
struct FocalRule {
  double alpha = 0.25, gamma = 2;
};

/// What it costs to give an object to a query.
struct MatchRule {
  double classes = 1, box = 5, giou = 2;  ///< weights
  /// Scores by sigmoid, and the focal loss in place of the probability (Zhu et al. 2020,
  /// arXiv:2010.04159).
  std::optional<FocalRule> focal;
};

/// Queries and the objects that they must find, by picture, then by query: [P] int64 each, on the
/// outputs' device.
struct SetPairs {
  at::Tensor picture, query;
  at::Tensor object;  ///< position among all objects of the batch
  int64_t count() const { return picture.size(0); }
};

/// Corners x0, y0, x1, y1 of boxes [..., 4] that are given by centre and size.
at::Tensor corners_of(const at::Tensor& boxes);

/// The cheapest assignment of each picture's objects to its queries. Costs: less the probability of
/// the object's class, the L1 distance of the boxes, less their generalized IoU. What is no number
/// is matched last. Pictures are solved in parallel, and no gradient flows.
SetPairs match_set(const SetOutput& output, const SetTruth& truth, const MatchRule& rule);

}  // namespace graft::models
