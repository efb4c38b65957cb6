#pragma once

#include <memory>

#include "graft/io/tensor_map.h"
#include "graft/models/detr/deformable_layers.h"
#include "graft/models/mlp.h"

namespace graft::models {

/// Classes and boxes of Deformable DETR's queries.
class QueryHead {
 public:
  QueryHead(const nn::Scope& classes, const nn::Scope& boxes, int64_t width, int64_t count);
  /// Of x [B, Q, width]: [B, Q, count], in float32 at least.
  at::Tensor logits(const at::Tensor& x) const;
  /// [B, Q, 4] by centre and size, moved from references [B, Q, 2 or 4]; in float32 at least.
  at::Tensor boxes(const at::Tensor& x, const at::Tensor& references) const;

 private:
  nn::Linear classes_;
  Mlp boxes_;
};

/// The heads behind the decoder layers: one for all, or one each where boxes are refined. A head
/// belongs to the first block that uses it.
class QueryHeads {
 public:
  QueryHeads(const DeformableSettings& s, int64_t classes)
      : refine_(s.refine), width_(s.transformer.width), classes_(classes) {}
  /// That of a layer, registered below `root` when it is new.
  std::shared_ptr<QueryHead> of(const nn::Scope& root, int64_t layer);

 private:
  bool refine_;
  int64_t width_, classes_;
  std::shared_ptr<QueryHead> made_;
};

/// How files name the heads (graft/models/family.h: unpack, pack). They hold those of all layers,
/// refined boxes twice, or only the first where all layers share it.
void unpack_query_heads(io::TensorMap& tensors);
void pack_query_heads(io::TensorMap& tensors);

}  // namespace graft::models
