#pragma once

#include "graft/models/detr/set_match.h"
#include "graft/models/rt_detr/settings.h"

namespace graft::models::rtdetr {

/// The distributions that a layer of D-FINE says for the edges of its boxes, and the last layer's.
struct Edges {
  at::Tensor corners;         ///< logits [B, Q, 4 (bins + 1)]
  at::Tensor references;      ///< [B, Q, 4]: the boxes that they move
  at::Tensor teacher;         ///< the last layer's logits, shaped as `corners`
  at::Tensor teacher_logits;  ///< [B, Q, classes]
};

/// [B] each (Peng et al. 2024, arXiv:2410.13842, section 4).
struct EdgeTerms {
  /// Fine-grained localization: cross entropy with the two shifts around where the edge of the
  /// object lies, weighted by the boxes' overlap; summed over a picture's pairs.
  at::Tensor distance;
  /// Decoupled distillation: how far the distributions are from those of the last layer, of queries
  /// with an object by their overlap, of the others by how sure the last layer is of them. A
  /// picture's share of the batch's mean, times B; 0 for the last layer itself.
  at::Tensor distillation;
};

/// `there` [P, 4] are the corners of each pair's object, `ious` [P] how far its box overlaps it.
EdgeTerms edge_terms(const Edges& edges, const at::Tensor& there, const at::Tensor& ious,
                     const SetPairs& pairs, const Settings& settings);

}  // namespace graft::models::rtdetr
