#include "graft/models/rt_detr/decoder_layer.h"

#include <torch/types.h>

#include <numeric>

#include "graft/nn/dropout.h"

namespace graft::models::rtdetr {
namespace {

constexpr double kGateEps = 1e-5;
constexpr double kLargestHalf = 65504;  // what float16 can hold

int64_t places(const std::vector<int64_t>& points) {
  return std::accumulate(points.begin(), points.end(), int64_t{0});
}

/// Of each place, one by the number of those that its level has.
at::Tensor shares(const std::vector<int64_t>& points) {
  std::vector<double> values;
  for (const int64_t count : points)
    values.insert(values.end(), static_cast<size_t>(count), 1 / static_cast<double>(count));
  return at::tensor(values, at::kDouble).to(at::kFloat);
}

}  // namespace

BoxAttention::BoxAttention(const nn::Scope& scope, const Settings& s)
    : heads_(s.heads),
      points_(s.points),
      offset_scale_(s.offset_scale),
      sampling_(s.sampling),
      offsets_(scope / "sampling_offsets", s.model, s.heads * places(s.points) * 2),
      weights_(scope / "attention_weights", s.model, s.heads * places(s.points)),
      shares_(shares(s.points)) {
  offsets_.bias().copy_(nn::first_offsets(s.heads, s.points));
  const bool fine = s.kind == Kind::d_fine;
  if (s.kind != Kind::rt_detr)
    scope.add(fine ? "num_points_scale" : "n_points_scale", shares_, nn::Role::buffer);
  if (fine) return;
  values_ = std::make_unique<nn::Linear>(scope / "value_proj", s.model, s.model);
  result_ = std::make_unique<nn::Linear>(scope / "output_proj", s.model, s.model);
}

at::Tensor BoxAttention::operator()(const at::Tensor& x, const at::Tensor& boxes,
                                    const Memory& memory, const nn::Context& context) const {
  const int64_t batch = x.size(0), queries = x.size(1), count = places(points_);
  const at::Tensor pixels = values_ ? (*values_)(memory.pixels) : memory.pixels;
  const at::Tensor values = pixels.view({batch, pixels.size(1), heads_, pixels.size(2) / heads_});
  const at::Tensor weights = at::softmax(weights_(x).view({batch, queries, heads_, count}), -1);
  const at::Tensor centre = boxes.slice(-1, 0, 2).view({batch, queries, 1, 1, 2});
  const at::Tensor size = boxes.slice(-1, 2, 4).view({batch, queries, 1, 1, 2});
  const at::Tensor shift = offsets_(x).view({batch, queries, heads_, count, 2}) *
                           shares_.to(x).unsqueeze(-1) * size * offset_scale_;
  const at::Tensor read = nn::deformable_attention(values, memory.maps, centre + shift, weights,
                                                   points_, sampling_, context);
  return result_ ? (*result_)(read) : read;
}

DecoderLayer::DecoderLayer(const nn::Scope& scope, const Settings& s)
    : kind_(s.kind),
      dropout_(s.dropout),
      activation_dropout_(s.kind == Kind::d_fine ? 0 : s.activation_dropout),
      activation_(s.decoder_activation),
      attention_(scope / "self_attn", s.model, s.heads, s.attention_dropout),
      attention_norm_(scope / "self_attn_layer_norm", s.model, s.layer_eps),
      reading_(scope / "encoder_attn", s),
      wide_(scope / "mlp" / feed_forward_name(s.kind, 0), s.model, s.ffn),
      narrow_(scope / "mlp" / feed_forward_name(s.kind, 1), s.ffn, s.model),
      last_norm_(scope / "final_layer_norm", s.model, s.layer_eps) {
  if (kind_ == Kind::d_fine) {
    const nn::Scope gateway = scope / "gateway";
    gate_ = std::make_unique<nn::Linear>(gateway / "gate", 2 * s.model, 2 * s.model);
    gate_norm_ = std::make_unique<nn::LayerNorm>(gateway / "norm", s.model, kGateEps);
  } else {
    reading_norm_ =
        std::make_unique<nn::LayerNorm>(scope / "encoder_attn_layer_norm", s.model, s.layer_eps);
  }
}

at::Tensor DecoderLayer::operator()(const at::Tensor& input, const at::Tensor& positions,
                                    const at::Tensor& boxes, const at::Tensor& mask,
                                    const Memory& memory, nn::Context& context) const {
  at::Tensor x = attention_norm_(
      input + nn::dropout(attention_(input, positions, mask, context), dropout_, context));
  const at::Tensor read =
      nn::dropout(reading_(x + positions, boxes, memory, context), dropout_, context);
  if (gate_) {
    const auto gates = at::sigmoid((*gate_)(at::cat({x, read}, -1))).chunk(2, -1);
    x = (*gate_norm_)(gates[0] * x + gates[1] * read);
  } else {
    x = (*reading_norm_)(x + read);
  }
  at::Tensor y = nn::dropout(nn::activate(activation_, wide_(x)), activation_dropout_, context);
  y = narrow_(y);
  if (kind_ == Kind::d_fine) return last_norm_((x + y).clamp(-kLargestHalf, kLargestHalf));
  return last_norm_(x + nn::dropout(y, dropout_, context));
}

}  // namespace graft::models::rtdetr
