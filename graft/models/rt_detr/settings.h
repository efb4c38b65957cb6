#pragma once

#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/nn/activation.h"
#include "graft/nn/deformable_attention.h"

namespace graft::models::rtdetr {

/// What distinguishes the networks that share these files.
enum class Kind : uint8_t {
  rt_detr,     ///< Zhao et al. 2023, arXiv:2304.08069
  rt_detr_v2,  ///< reads maps in one of two ways: Lv et al. 2024, arXiv:2407.17140
  d_fine       ///< edges are distributions: Peng et al. 2024, arXiv:2410.13842
};

/// Neck and head as a config.json of transformers says them; the names are those of
/// RTDetrV2Config and DFineConfig where none is given. Losses: loss.h.
struct Settings {
  /// What does not fit is an error (exit code 3).
  Settings(const Json& config, Kind kind);

  Kind kind;
  double layer_eps, batch_eps;
  double dropout, activation_dropout;

  // The neck: attention within some maps, then maps joined from coarse to fine and back.
  int64_t width;                  ///< encoder_hidden_dim: channels of its maps
  std::vector<int64_t> attended;  ///< encode_proj_layers: the maps with attention
  int64_t encoder_layers, encoder_heads, encoder_ffn;
  nn::Activation encoder_activation, activation;
  double temperature;  ///< of the sines that say where a pixel lies
  bool norm_first;
  double expansion;    ///< hidden_expansion
  int64_t csp_blocks;  ///< of each joining layer

  // The head.
  int64_t model;                      ///< d_model
  std::vector<int64_t> map_channels;  ///< decoder_in_channels: of the maps that it gets
  int64_t levels;                     ///< maps that it reads; those beyond are made of the last
  std::vector<int64_t> points;        ///< places that a head reads, by level
  int64_t queries, layers, heads, ffn;
  nn::Activation decoder_activation;
  double attention_dropout;
  bool learns_queries;
  double offset_scale;
  nn::Sampling sampling;

  // Objects with noise, which training shows to the decoder.
  int64_t noised;  ///< num_denoising: about so many queries; 0: none
  double label_noise, box_noise;

  // How far edges lie from their places, as distributions (D-FINE).
  int64_t bins;  ///< max_num_bins; a distribution has one number more
  double reg_scale, up;
  int64_t top_values, quality_width, quality_layers;

  /// The logit that a new class begins with: that of objects that are rare.
  double prior(int64_t classes) const;

 private:
  double prior_probability_;  // 0: one among the classes and nothing
};

/// How transformers calls the first and second layer of a feed-forward part, below "mlp".
std::string feed_forward_name(Kind kind, int index);

}  // namespace graft::models::rtdetr
