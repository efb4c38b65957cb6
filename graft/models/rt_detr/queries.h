#pragma once

#include <memory>
#include <vector>

#include "graft/models/mlp.h"
#include "graft/models/rt_detr/backbone.h"
#include "graft/models/rt_detr/settings.h"
#include "graft/nn/conv_norm.h"
#include "graft/nn/embedding.h"
#include "graft/nn/norm.h"

namespace graft::models::rtdetr {

/// What the decoder reads: the pixels of all maps.
struct Memory {
  at::Tensor pixels;  ///< [B, S, model], map after map, row by row
  std::vector<nn::MapSize> maps;
};

/// Where the decoder begins. Objects with noise stand before the queries.
struct Start {
  at::Tensor content;                    ///< [B, noised + queries, model]
  at::Tensor references;                 ///< [B, noised + queries, 4]: logits of centre and size
  at::Tensor mask;                       ///< of self-attention; undefined where nothing is hidden
  at::Tensor first_logits, first_boxes;  ///< what the pixels of the queries say: [B, queries, …]
};

/// Chooses the pixels that are surest of a class as queries (Zhao et al. 2023, arXiv:2304.08069).
/// Layers whose rows are classes: "enc_score_head" and "denoising_class_embed", which has one more
/// for none.
class QuerySelection {
 public:
  QuerySelection(const nn::Scope& scope, const Settings& settings, const std::vector<Level>& levels,
                 int64_t classes);
  /// The neck's maps "level0" … → what the decoder reads, in float32 at least.
  Memory memory(const nn::Flow& flow) const;
  /// Objects with noise take part where the pass trains and `flow` has "objects".
  Start operator()(const nn::Flow& flow, const Memory& memory, const nn::Context& context) const;

 private:
  /// Adds objects with noise to a start.
  void add_noised(const at::Tensor& objects, const Memory& memory, const nn::Context& context,
                  Start& start) const;

  Settings settings_;
  int64_t classes_, stride_;
  std::vector<std::unique_ptr<nn::ConvNorm>> inputs_;  // null: the map as it is
  nn::Linear output_;
  nn::LayerNorm output_norm_;
  nn::Linear scores_;
  Mlp boxes_;
  std::unique_ptr<nn::Embedding> noised_, learned_;
};

}  // namespace graft::models::rtdetr
