#pragma once

#include <memory>
#include <vector>

#include "graft/models/rt_detr/backbone.h"
#include "graft/models/rt_detr/csp.h"
#include "graft/models/rt_detr/settings.h"

namespace graft::models::rtdetr {

/// Attention within one map (AIFI, Zhao et al. 2023, arXiv:2304.08069).
class MapAttention;

/// The neck, one block: maps of the backbone become as many of `width` channels, "level0",
/// "level1" … from fine to coarse. Sides of a picture must be multiples of the coarsest stride;
/// others are an error (exit code 2).
class HybridEncoder final : public Block {
 public:
  /// Its tensors stand below "<scope>.encoder" and "<scope>.encoder_input_proj".
  HybridEncoder(const nn::Scope& scope, const Settings& settings, std::vector<Level> levels);
  ~HybridEncoder() override;
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;

 private:
  std::vector<Level> levels_;
  std::vector<std::unique_ptr<nn::ConvNorm>> inputs_;
  std::vector<int64_t> attended_;
  std::vector<std::unique_ptr<MapAttention>> attentions_;
  std::vector<std::unique_ptr<nn::ConvNorm>> laterals_;  // from coarse to fine, as the next
  std::vector<std::unique_ptr<MapLayer>> down_joins_;
  std::vector<std::unique_ptr<MapLayer>> downsamplings_;  // from fine to coarse, as the next
  std::vector<std::unique_ptr<MapLayer>> up_joins_;
};

}  // namespace graft::models::rtdetr
