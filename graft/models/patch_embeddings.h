#pragma once

#include <array>
#include <string>

#include "graft/base/json.h"
#include "graft/nn/context.h"
#include "graft/nn/conv.h"

namespace graft::models {

/// How a picture becomes tokens.
struct PatchSettings {
  /// Reads num_channels, hidden_size, image_size, patch_size ([height, width] or one number) and
  /// hidden_dropout_prob; an image without a whole patch is an error (exit code 3).
  PatchSettings(const Json& config, int64_t default_patch);

  int64_t channels, width;
  std::array<int64_t, 2> patch;
  std::array<int64_t, 2> grid;  ///< patches of the table of positions: rows, columns
  double dropout;
  std::string extra_name;          ///< tokens after the class token: "distillation_token", …
  int64_t extra = 0;               ///< how many of them
  bool extra_has_position = true;  ///< whether the table holds positions for them
  bool extra_at_end = false;       ///< the table has these behind those of the patches
  bool mask_token = false;         ///< pretraining's token: kept in the file, never used
  bool antialias = false;          ///< when positions are resized
};

/// Rows of a table of positions [1, 1 + extra + patches, width] for a grid of rows x columns
/// patches, in the order of the tokens: class token, extra ones (zeros where the table has none for
/// them), patches.
at::Tensor token_positions(const at::Tensor& table, const PatchSettings& settings, int64_t rows,
                           int64_t columns);

/// Class token, extra tokens and projected patches plus their positions: pixels [B, C, H, W] →
/// [B, 1 + extra + patches, width]. Any H and W of at least one patch; pixels beyond the last whole
/// patch are left out. Other grids than the table's get positions by bicubic interpolation, as
/// transformers' interpolate_pos_encoding gives them.
class PatchEmbeddings {
 public:
  PatchEmbeddings(const nn::Scope& scope, const PatchSettings& settings);
  at::Tensor operator()(const at::Tensor& pixels, const nn::Context& context) const;
  /// Rows and columns of the patches of such a picture.
  std::array<int64_t, 2> grid_of(const at::Tensor& pixels) const;

 private:
  PatchSettings settings_;
  at::Tensor class_token_, positions_, mask_token_, extra_tokens_;
  nn::Conv2d projection_;
};

}  // namespace graft::models
