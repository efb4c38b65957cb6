#pragma once

#include <memory>

#include "graft/models/positioned_attention.h"
#include "graft/models/rt_detr/queries.h"

namespace graft::models::rtdetr {

/// Reads a few places of the maps around a query's box: "sampling_offsets", "attention_weights"
/// and, in RT-DETR, "value_proj" and "output_proj".
class BoxAttention {
 public:
  BoxAttention(const nn::Scope& scope, const Settings& settings);
  /// x [B, Q, model], `boxes` [B, Q, 4] centre and size in shares of the input.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& boxes, const Memory& memory,
                        const nn::Context& context) const;

 private:
  int64_t heads_;
  std::vector<int64_t> points_;
  double offset_scale_;
  nn::Sampling sampling_;
  nn::Linear offsets_, weights_;
  std::unique_ptr<nn::Linear> values_, result_;
  at::Tensor shares_;  // of each place, one by those of its level; files have it but RT-DETR's
};

/// Self-attention of the queries, then of each to the maps, then a feed-forward part. D-FINE adds
/// what the maps say through a gate.
class DecoderLayer {
 public:
  DecoderLayer(const nn::Scope& scope, const Settings& settings);
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& positions, const at::Tensor& boxes,
                        const at::Tensor& mask, const Memory& memory, nn::Context& context) const;

 private:
  Kind kind_;
  double dropout_, activation_dropout_;
  nn::Activation activation_;
  PositionedAttention attention_;
  nn::LayerNorm attention_norm_;
  BoxAttention reading_;
  std::unique_ptr<nn::LayerNorm> reading_norm_;  // RT-DETR
  std::unique_ptr<nn::Linear> gate_;             // D-FINE
  std::unique_ptr<nn::LayerNorm> gate_norm_;
  nn::Linear wide_, narrow_;
  nn::LayerNorm last_norm_;
};

}  // namespace graft::models::rtdetr
