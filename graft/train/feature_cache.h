#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "graft/models/model.h"
#include "graft/nn/flow.h"

namespace graft::train {

/// Outputs of the frozen prefix (blocks [0, border)), one row a sample and view, in memory. Filled
/// once, in a fixed order and batch size, so that its content does not depend on how training asks
/// for it.
class FeatureCache {
 public:
  FeatureCache(models::Model& model, int border) : model_(model), border_(border) {}

  /// Makes room for `rows` rows like the single row of `sample`.
  void reserve(int64_t rows, const nn::Flow& sample);
  /// Puts the rows of `flow` at row `first` and following.
  void store(int64_t first, const nn::Flow& flow);
  /// The rows asked for, as a flow at the border.
  nn::Flow gather(const std::vector<int64_t>& rows) const;

  int border() const { return border_; }
  int64_t bytes() const { return storage_.bytes(); }
  /// False once a weight, an adapter, a statistic or a buffer of the prefix has changed since
  /// `seal`.
  bool valid() const;
  /// Remembers the prefix as it is now.
  void seal();

  /// Bytes one row takes at `border` for pictures of the network's size, found by a forward pass.
  static int64_t row_bytes(models::Model& model, int border, int64_t height, int64_t width);

 private:
  uint64_t signature() const;

  models::Model& model_;
  int border_;
  nn::Flow storage_;
  uint64_t sealed_ = 0;
};

}  // namespace graft::train
