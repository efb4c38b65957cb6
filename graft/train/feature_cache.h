#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "graft/data/inputs.h"
#include "graft/models/model.h"
#include "graft/nn/flow.h"

namespace graft::train {

/// Outputs of the frozen prefix (blocks [0, border)), one row a sample and view, in memory; of
/// preferences a row holds both texts of a sample. Filled once, in a fixed order and batch size, so
/// that its content does not depend on how training asks for it.
class FeatureCache {
 public:
  FeatureCache(models::Model& model, int border, int64_t texts_a_row = 1)
      : model_(model), border_(border), texts_a_row_(texts_a_row) {}

  /// Makes room for `rows` rows like those of `sample`.
  void reserve(int64_t rows, const nn::Flow& sample);
  /// Puts sample `i` of `flow`, which lies on the CPU, at `row`. Of texts only real tokens are
  /// kept.
  void store(int64_t row, const nn::Flow& flow, int64_t i);
  /// The rows asked for, as a flow at the border, where the model is.
  nn::Flow gather(const std::vector<int64_t>& rows) const;

  int border() const { return border_; }
  int64_t bytes() const;
  /// False once a weight, an adapter, a statistic or a buffer of the prefix has changed since
  /// `seal`.
  bool valid() const;
  /// Remembers the prefix as it is now.
  void seal();

  /// Bytes one row takes at `border` for a sample of the usual size, found by a forward pass.
  static int64_t row_bytes(models::Model& model, int border, const data::Inputs& inputs);

 private:
  uint64_t signature() const;

  models::Model& model_;
  int border_;
  int64_t texts_a_row_;
  nn::Flow storage_;             // rows of one size
  std::vector<nn::Flow> texts_;  // rows that differ in length
  uint64_t sealed_ = 0;
};

}  // namespace graft::train
