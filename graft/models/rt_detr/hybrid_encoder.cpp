#include "graft/models/rt_detr/hybrid_encoder.h"

#include <torch/types.h>

#include <cmath>
#include <optional>

#include "graft/base/error.h"
#include "graft/models/mlp.h"
#include "graft/models/positioned_attention.h"
#include "graft/nn/dropout.h"
#include "graft/nn/norm.h"

namespace graft::models::rtdetr {
namespace {

constexpr double kMomentum = 0.1;
constexpr double kInputEps = 1e-5;  // of the norms of the input, whatever batch_norm_eps says

/// Sine and cosine of row and column in `width` / 4 wave lengths each: [1, H * W, width].
at::Tensor sines(int64_t height, int64_t width, int64_t channels, double temperature,
                 const at::Tensor& like) {
  const int64_t waves = channels / 4;
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const at::Tensor lengths = at::pow(at::scalar_tensor(temperature, options),
                                     -at::arange(waves, options) / static_cast<double>(waves));
  const auto angles = [&](int64_t count) {
    return at::outer(at::arange(count, options), lengths);  // [count, waves]
  };
  const at::Tensor rows = angles(height).unsqueeze(1).expand({height, width, waves});
  const at::Tensor columns = angles(width).unsqueeze(0).expand({height, width, waves});
  return at::cat({rows.sin(), rows.cos(), columns.sin(), columns.cos()}, -1)
      .view({1, height * width, channels})
      .to(like.options());
}

class EncoderLayer {
 public:
  EncoderLayer(const nn::Scope& scope, const Settings& s)
      : norm_first_(s.norm_first),
        dropout_(s.dropout),
        inner_dropout_(s.kind == Kind::d_fine ? 0 : s.activation_dropout),
        last_dropout_(s.kind == Kind::d_fine ? 0 : s.dropout),
        activation_(s.encoder_activation),
        attention_(scope / "self_attn", s.width, s.encoder_heads, s.dropout),
        attention_norm_(scope / "self_attn_layer_norm", s.width, s.layer_eps),
        wide_(scope / "mlp" / feed_forward_name(s.kind, 0), s.width, s.encoder_ffn),
        narrow_(scope / "mlp" / feed_forward_name(s.kind, 1), s.encoder_ffn, s.width),
        last_norm_(scope / "final_layer_norm", s.width, s.layer_eps) {}

  at::Tensor operator()(at::Tensor x, const at::Tensor& positions, nn::Context& context) const {
    at::Tensor y = attention_(norm_first_ ? attention_norm_(x) : x, positions, {}, context);
    x = x + nn::dropout(y, dropout_, context);
    // Where norms come first, what is added up is behind the second one, as transformers has it.
    x = norm_first_ ? last_norm_(x) : attention_norm_(x);
    y = nn::dropout(nn::activate(activation_, wide_(x)), inner_dropout_, context);
    x = x + nn::dropout(narrow_(y), last_dropout_, context);
    return norm_first_ ? x : last_norm_(x);
  }

 private:
  bool norm_first_;
  double dropout_, inner_dropout_, last_dropout_;
  nn::Activation activation_;
  PositionedAttention attention_;
  nn::LayerNorm attention_norm_;
  nn::Linear wide_, narrow_;
  nn::LayerNorm last_norm_;
};

std::unique_ptr<nn::ConvNorm> input(const nn::Scope& scope, int64_t in, int64_t out) {
  nn::ConvOptions o;
  o.in = in;
  o.out = out;
  return std::make_unique<nn::ConvNorm>(scope, o, nn::Activation::none, kInputEps, kMomentum, "0",
                                        "1");
}

}  // namespace

class MapAttention {
 public:
  MapAttention(const nn::Scope& scope, const Settings& s) : temperature_(s.temperature) {
    for (int64_t i = 0; i < s.encoder_layers; ++i)
      layers_.push_back(std::make_unique<EncoderLayer>(scope / "layers" / std::to_string(i), s));
  }
  at::Tensor operator()(const at::Tensor& map, nn::Context& context) const {
    if (layers_.empty()) return map;
    const int64_t height = map.size(2), width = map.size(3);
    at::Tensor x = map.flatten(2).transpose(1, 2);
    const at::Tensor positions = sines(height, width, map.size(1), temperature_, x);
    for (const auto& layer : layers_) x = (*layer)(x, positions, context);
    return x.transpose(1, 2)
        .view({map.size(0), map.size(1), height, width})
        .contiguous(at::MemoryFormat::ChannelsLast);
  }

 private:
  double temperature_;
  std::vector<std::unique_ptr<EncoderLayer>> layers_;
};

HybridEncoder::HybridEncoder(const nn::Scope& scope, const Settings& s, std::vector<Level> levels)
    : levels_(std::move(levels)), attended_(s.attended) {
  const nn::Scope encoder = scope / "encoder";
  for (size_t i = 0; i < levels_.size(); ++i)
    inputs_.push_back(
        input(scope / "encoder_input_proj" / std::to_string(i), levels_[i].channels, s.width));
  for (size_t i = 0; i < attended_.size(); ++i)
    attentions_.push_back(std::make_unique<MapAttention>(encoder / "aifi" / std::to_string(i), s));
  const nn::Activation lateral = s.kind == Kind::d_fine ? nn::Activation::none : s.activation;
  for (size_t i = 0; i + 1 < levels_.size(); ++i) {
    const std::string number = std::to_string(i);
    laterals_.push_back(unit(encoder / "lateral_convs" / number, s, s.width, s.width, 1, lateral));
    down_joins_.push_back(make_joining(encoder / "fpn_blocks" / number, s));
  }
  for (size_t i = 0; i + 1 < levels_.size(); ++i) {
    const std::string number = std::to_string(i);
    downsamplings_.push_back(make_downsampling(encoder / "downsample_convs" / number, s));
    up_joins_.push_back(make_joining(encoder / "pan_blocks" / number, s));
  }
}

HybridEncoder::~HybridEncoder() = default;

nn::Flow HybridEncoder::forward(nn::Flow flow, nn::Context& context) {
  std::vector<at::Tensor> maps;
  for (size_t i = 0; i < levels_.size(); ++i)
    maps.push_back((*inputs_[i])(flow.at(levels_[i].name)));
  for (size_t i = 0; i < attended_.size(); ++i) {
    at::Tensor& map = maps[static_cast<size_t>(attended_[i])];
    map = (*attentions_[i])(map, context);
  }
  const size_t steps = levels_.size() - 1;
  std::vector<at::Tensor> coarse(levels_.size());  // joined with all that is coarser
  at::Tensor top = maps.back();
  for (size_t i = 0; i < steps; ++i) {
    const size_t fine = steps - 1 - i;
    coarse[fine + 1] = (*laterals_[i])(top);
    const at::Tensor grown =
        at::upsample_nearest2d(coarse[fine + 1], std::nullopt, at::ArrayRef<double>({2.0, 2.0}));
    if (grown.size(2) != maps[fine].size(2) || grown.size(3) != maps[fine].size(3)) {
      fail_usage(
          "sides of pictures must be multiples of {} for this model, whose maps have {} x {} and "
          "{} x {} pixels; give another size (preprocessor_config.json: size)",
          levels_.back().stride, maps[fine].size(2), maps[fine].size(3), coarse[fine + 1].size(2),
          coarse[fine + 1].size(3));
    }
    top = (*down_joins_[i])(at::cat({grown, maps[fine]}, 1));
  }
  coarse[0] = top;
  nn::Flow result;
  result["level0"] = top;
  for (size_t i = 0; i < steps; ++i) {
    top = (*up_joins_[i])(at::cat({(*downsamplings_[i])(top), coarse[i + 1]}, 1));
    result[fmt::format("level{}", i + 1)] = top;
  }
  return result;
}

}  // namespace graft::models::rtdetr
