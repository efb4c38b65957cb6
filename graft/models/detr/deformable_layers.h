#pragma once

#include <memory>
#include <vector>

#include "graft/models/detr/layers.h"
#include "graft/models/detr/map_positions.h"
#include "graft/nn/deformable_attention.h"

/// Deformable DETR (Zhu et al. 2020, arXiv:2010.04159).
namespace graft::models {

struct DeformableSettings {
  /// Sizes that do not fit are errors (exit code 3).
  explicit DeformableSettings(const Json& config);

  DetrSettings transformer;
  int64_t levels, encoder_points, decoder_points;  ///< maps, and places that are read of each
  bool refine;  ///< each decoder layer goes on from the boxes of the one below
};

/// The maps of all levels, one behind the other, and where they come from.
struct LevelMemory {
  /// Of maps [B, C, H, W].
  explicit LevelMemory(const std::vector<at::Tensor>& maps);
  /// The maps again, of x [B, S, C].
  std::vector<at::Tensor> parted(const at::Tensor& x) const;
  /// The middle of each place: [1, S, 2], x and y in shares of the sides.
  at::Tensor centres() const;

  std::vector<nn::MapSize> sizes;
  at::Tensor values;  ///< [B, S, C]
};

/// Reads a few places of each map around reference points.
class LevelAttention {
 public:
  LevelAttention(const nn::Scope& scope, const DeformableSettings& s, int64_t heads,
                 int64_t points);
  /// x [B, Q, C]; references [B or 1, Q, 2] are points, [B or 1, Q, 4] boxes by centre and size.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& references,
                        const LevelMemory& memory, const nn::Context& context) const;

 private:
  int64_t heads_, levels_, points_;
  nn::Linear offsets_, weights_, values_, result_;
};

/// What tells the places of all maps apart: positions within a map, and a learned row a level,
/// which is registered as "<scope>.level_embed".
class LevelPositions {
 public:
  LevelPositions(const Json& config, const nn::Scope& scope, const DeformableSettings& s);
  /// [1, S, C].
  at::Tensor operator()(const std::vector<at::Tensor>& maps) const;

 private:
  std::shared_ptr<MapPositions> positions_;
  at::Tensor levels_;
};

class DeformableEncoderLayer {
 public:
  DeformableEncoderLayer(const nn::Scope& scope, const DeformableSettings& s);
  /// The values of `memory`, each of which has read the maps around its own place.
  at::Tensor operator()(const LevelMemory& memory, const at::Tensor& positions,
                        const nn::Context& context) const;

 private:
  double dropout_;
  LevelAttention attention_;
  nn::LayerNorm norm_;
  DetrFeedForward feed_forward_;
};

class DeformableDecoderLayer {
 public:
  DeformableDecoderLayer(const nn::Scope& scope, const DeformableSettings& s);
  /// x and `queries` [B, Q, C]; references as LevelAttention's.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& queries,
                        const at::Tensor& references, const LevelMemory& memory,
                        const nn::Context& context) const;

 private:
  double dropout_;
  PositionedAttention attention_;
  nn::LayerNorm norm_;
  LevelAttention reading_;
  nn::LayerNorm reading_norm_;
  DetrFeedForward feed_forward_;
};

}  // namespace graft::models
