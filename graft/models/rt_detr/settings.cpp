#include "graft/models/rt_detr/settings.h"

#include <cmath>

#include "graft/base/error.h"
#include "graft/models/family.h"

namespace graft::models::rtdetr {
namespace {

int64_t in_range(const Json& config, const char* key, int64_t fallback, int64_t least,
                 int64_t most) {
  const int64_t value = config_integer(config, key, fallback);
  if (value < least || value > most)
    fail_unreadable("config.json: {} must be from {} to {}, got {}", key, least, most, value);
  return value;
}

int64_t size_of(const Json& config, const char* key, int64_t fallback) {
  return in_range(config, key, fallback, 1, 65536);
}

double share(const Json& config, const char* key, double fallback) {
  const double value = config_number(config, key, fallback);
  if (!(value >= 0 && value < 1))
    fail_unreadable("config.json: {} must be from 0 to below 1, got {}", key, value);
  return value;
}

double positive(const Json& config, const char* key, double fallback) {
  const double value = config_number(config, key, fallback);
  if (!(value > 0 && value < 1e9))
    fail_unreadable("config.json: {} must be a positive number, got {}", key, value);
  return value;
}

nn::Activation activation_of(const Json& config, const char* key, const char* fallback) {
  return nn::parse_activation(config_text(config, key, fallback),
                              std::string("config.json: ") + key);
}

std::vector<int64_t> points_of(const Json& config, Kind kind, int64_t levels) {
  constexpr const char* kKey = "decoder_n_points";
  const bool list = config.is_object() && config.value(kKey, Json()).is_array();
  const auto points =
      list && kind == Kind::d_fine
          ? config_integers(config, kKey, {})
          : std::vector<int64_t>(static_cast<size_t>(levels), in_range(config, kKey, 4, 1, 1024));
  bool fits = static_cast<int64_t>(points.size()) == levels;
  for (const int64_t count : points) fits = fits && count > 0 && count <= 1024;
  if (!fits)
    fail_unreadable(
        "config.json: decoder_n_points must be one number from 1 to 1,024, or one for each of the "
        "{} levels, got {}",
        levels, config[kKey].dump());
  return points;
}

/// Python's round: halves go to the even number.
int64_t rounded(double value) {
  return static_cast<int64_t>(std::nearbyint(value));
}

void check(const Settings& s, const Json& c) {
  if (s.model % s.heads != 0 || s.width % s.encoder_heads != 0 || s.width % 4 != 0)
    fail_unreadable(
        "config.json: d_model {} must be a multiple of decoder_attention_heads {}, and "
        "encoder_hidden_dim {} one of encoder_attention_heads {} and of 4",
        s.model, s.heads, s.width, s.encoder_heads);
  const auto maps = static_cast<int64_t>(s.map_channels.size());
  if (maps == 0 || maps > 16 || s.levels < maps)
    fail_unreadable(
        "config.json: decoder_in_channels must have a number for each map, and num_feature_levels "
        "{} be as many or more, got {}",
        s.levels, maps);
  for (const int64_t channels : s.map_channels) {
    if (channels != s.width)
      fail_unreadable(
          "config.json: the neck gives maps of {} channels (encoder_hidden_dim), but "
          "decoder_in_channels says {}",
          s.width, channels);
  }
  for (const int64_t map : s.attended) {
    if (map >= maps)
      fail_unreadable("config.json: encode_proj_layers names map {}, but there are {}", map, maps);
  }
  if (!config_flag(c, "use_focal_loss", true))
    fail_unreadable(
        "config.json: use_focal_loss must be true: such a model is made for scores by class, each "
        "from 0 to 1 on its own");
  if (s.kind == Kind::d_fine) {
    const double last = config_number(c, "eval_idx", -1);
    if (last != -1 && last != static_cast<double>(s.layers - 1))
      fail_unreadable(
          "config.json: eval_idx must be -1, the last layer of the decoder, got {}; transformers "
          "does not run others either",
          last);
    if (s.bins < 4 || s.bins > 1024 || s.bins % 2 != 0 || s.top_values > s.bins + 1)
      fail_unreadable(
          "config.json: max_num_bins must be an even number from 4 to 1,024 and top_prob_values at "
          "most one more, got {} and {}",
          s.bins, s.top_values);
  } else if (s.kind == Kind::rt_detr_v2 && config_integer(c, "decoder_n_levels", 3) != s.levels) {
    fail_unreadable("config.json: decoder_n_levels must equal num_feature_levels, got {} and {}",
                    config_integer(c, "decoder_n_levels", 3), s.levels);
  }
}

}  // namespace

Settings::Settings(const Json& c, Kind network)
    : kind(network),
      layer_eps(positive(c, "layer_norm_eps", 1e-5)),
      batch_eps(positive(c, "batch_norm_eps", 1e-5)),
      dropout(share(c, "dropout", 0)),
      activation_dropout(share(c, "activation_dropout", 0)),
      width(size_of(c, "encoder_hidden_dim", 256)),
      attended(config_integers(c, "encode_proj_layers", {2})),
      encoder_layers(in_range(c, "encoder_layers", 1, 0, 1000)),
      encoder_heads(size_of(c, "encoder_attention_heads", 8)),
      encoder_ffn(size_of(c, "encoder_ffn_dim", 1024)),
      encoder_activation(activation_of(c, "encoder_activation_function", "gelu")),
      activation(activation_of(c, "activation_function", "silu")),
      temperature(positive(c, "positional_encoding_temperature", 10000)),
      norm_first(config_flag(c, "normalize_before", false)),
      expansion(positive(c, "hidden_expansion", 1)),
      csp_blocks(kind == Kind::d_fine ? rounded(3 * positive(c, "depth_mult", 1)) : 3),
      model(size_of(c, "d_model", 256)),
      map_channels(config_integers(c, "decoder_in_channels", {256, 256, 256})),
      levels(in_range(c, "num_feature_levels", 3, 1, 16)),
      points(points_of(c, kind, levels)),
      queries(in_range(c, "num_queries", 300, 1, 100000)),
      layers(in_range(c, "decoder_layers", 6, 1, 1000)),
      heads(size_of(c, "decoder_attention_heads", 8)),
      ffn(size_of(c, "decoder_ffn_dim", 1024)),
      decoder_activation(activation_of(c, "decoder_activation_function", "relu")),
      attention_dropout(share(c, "attention_dropout", 0)),
      learns_queries(config_flag(c, "learn_initial_query", false)),
      offset_scale(config_number(c, "decoder_offset_scale", 0.5)),
      sampling(nn::parse_sampling(config_text(c, "decoder_method", "default"),
                                  "config.json: decoder_method")),
      noised(in_range(c, "num_denoising", 100, 0, 100000)),
      label_noise(config_number(c, "label_noise_ratio", 0.5)),
      box_noise(config_number(c, "box_noise_scale", 1)),
      bins(config_integer(c, "max_num_bins", 32)),
      reg_scale(positive(c, "reg_scale", 4)),
      up(positive(c, "up", 0.5)),
      top_values(size_of(c, "top_prob_values", 4)),
      quality_width(size_of(c, "lqe_hidden_dim", 64)),
      quality_layers(in_range(c, "lqe_layers", 2, 1, 100)),
      prior_probability_(config_number(c, "initializer_bias_prior_prob", 0)) {
  check(*this, c);
}

std::string feed_forward_name(Kind kind, int index) {
  return kind == Kind::d_fine ? fmt::format("layers.{}", index) : fmt::format("fc{}", index + 1);
}

double Settings::prior(int64_t classes) const {
  const double p =
      prior_probability_ > 0 ? prior_probability_ : 1 / (static_cast<double>(classes) + 1);
  return std::log(p / (1 - p));
}

}  // namespace graft::models::rtdetr
