#pragma once

#include <memory>
#include <string>

#include "graft/base/json.h"
#include "graft/nn/embedding.h"

namespace graft::models {

/// What tells the places of a map apart (Carion et al. 2020, arXiv:2005.12872, appendix A.4): the
/// first half of the numbers says the row, the second the column.
class MapPositions {
 public:
  virtual ~MapPositions() = default;
  MapPositions() = default;
  MapPositions(const MapPositions&) = delete;
  MapPositions& operator=(const MapPositions&) = delete;
  /// Of a map [B, width, rows, columns]: [1, rows x columns, width] in its type.
  virtual at::Tensor operator()(const at::Tensor& map) const = 0;
};

/// As config["position_embedding_type"] says; another word is an error (exit code 3).
/// - sine: waves of the place's share of the side, counted from 1 - `shift`; `width` must be a
///   multiple of 4.
/// - learned: a row of "<scope>.row_embeddings" and one of "<scope>.column_embeddings", for up to
/// 50
///   of each; a larger map is an error (exit code 2). Here the column comes first.
std::shared_ptr<MapPositions> make_map_positions(const Json& config, const nn::Scope& scope,
                                                 int64_t width, double shift = 0);

}  // namespace graft::models
