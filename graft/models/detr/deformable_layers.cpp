#include "graft/models/detr/deformable_layers.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/nn/dropout.h"

namespace graft::models {
namespace {

constexpr double kEps = 1e-5;
constexpr double kMiddle = 0.5;  // positions are counted from the middle of a place
constexpr int64_t kMostLevels = 32, kMostPoints = 64;

std::vector<int64_t> points_of(int64_t levels, int64_t points) {
  return std::vector<int64_t>(static_cast<size_t>(levels), points);
}

}  // namespace

DeformableSettings::DeformableSettings(const Json& c)
    : transformer(c, {.queries = 300, .inner = 1024}),
      levels(config_integer(c, "num_feature_levels", 4)),
      encoder_points(config_integer(c, "encoder_n_points", 4)),
      decoder_points(config_integer(c, "decoder_n_points", 4)),
      refine(config_flag(c, "with_box_refine", false)) {
  const auto check = [](const char* key, int64_t value, int64_t most) {
    if (value < 1 || value > most)
      fail_unreadable("config.json: {} must be from 1 to {}, got {}", key, most, value);
  };
  check("num_feature_levels", levels, kMostLevels);
  check("encoder_n_points", encoder_points, kMostPoints);
  check("decoder_n_points", decoder_points, kMostPoints);
}

LevelMemory::LevelMemory(const std::vector<at::Tensor>& maps) {
  std::vector<at::Tensor> parts;
  for (const at::Tensor& map : maps) {
    sizes.push_back({map.size(2), map.size(3)});
    parts.push_back(places_of(map));
  }
  values = at::cat(parts, 1);
}

std::vector<at::Tensor> LevelMemory::parted(const at::Tensor& x) const {
  std::vector<at::Tensor> maps;
  int64_t first = 0;
  for (const nn::MapSize& size : sizes) {
    maps.push_back(
        x.narrow(1, first, size.area()).transpose(1, 2).unflatten(2, {size.height, size.width}));
    first += size.area();
  }
  return maps;
}

at::Tensor LevelMemory::centres() const {
  std::vector<at::Tensor> parts;
  for (const nn::MapSize& size : sizes) {
    const auto side = [](int64_t count) {
      return (at::arange(count, at::kDouble) + 0.5) / static_cast<double>(count);
    };
    const at::Tensor x = side(size.width).unsqueeze(0).expand({size.height, -1});
    const at::Tensor y = side(size.height).unsqueeze(1).expand({-1, size.width});
    parts.push_back(at::stack({x, y}, -1).view({1, size.area(), 2}));
  }
  return at::cat(parts, 1).to(values);
}

LevelAttention::LevelAttention(const nn::Scope& scope, const DeformableSettings& s, int64_t heads,
                               int64_t points)
    : heads_(heads),
      levels_(s.levels),
      points_(points),
      offsets_(scope / "sampling_offsets", s.transformer.width, heads * s.levels * points * 2),
      weights_(scope / "attention_weights", s.transformer.width, heads * s.levels * points),
      values_(scope / "value_proj", s.transformer.width, s.transformer.width),
      result_(scope / "output_proj", s.transformer.width, s.transformer.width) {
  offsets_.bias().copy_(nn::first_offsets(heads, points_of(s.levels, points)));
}

at::Tensor LevelAttention::operator()(const at::Tensor& x, const at::Tensor& references,
                                      const LevelMemory& memory, const nn::Context& context) const {
  const int64_t batch = x.size(0), queries = x.size(1), count = levels_ * points_;
  const at::Tensor values = values_(memory.values).view({batch, memory.values.size(1), heads_, -1});
  const at::Tensor weights = at::softmax(weights_(x).view({batch, queries, heads_, count}), -1);
  at::Tensor shift = offsets_(x).view({batch, queries, heads_, levels_, points_, 2});
  const auto coordinates = [&](int64_t first) {
    return references.slice(-1, first, first + 2).unsqueeze(2).unsqueeze(2).unsqueeze(2);
  };
  if (references.size(-1) == 2) {
    std::vector<double> sides;
    for (const nn::MapSize& size : memory.sizes) {
      sides.push_back(static_cast<double>(size.width));
      sides.push_back(static_cast<double>(size.height));
    }
    shift = shift / at::tensor(sides, at::kDouble).to(x).view({levels_, 1, 2});
  } else {
    shift = shift * coordinates(2) * (0.5 / static_cast<double>(points_));
  }
  const at::Tensor places = (coordinates(0) + shift).view({batch, queries, heads_, count, 2});
  return result_(nn::deformable_attention(values, memory.sizes, places, weights,
                                          points_of(levels_, points_), nn::Sampling::bilinear,
                                          context));
}

LevelPositions::LevelPositions(const Json& config, const nn::Scope& scope,
                               const DeformableSettings& s)
    : positions_(make_map_positions(config, scope, s.transformer.width, kMiddle)),
      levels_(at::zeros({s.levels, s.transformer.width})) {
  scope.add("level_embed", levels_, nn::Role::embedding);
}

at::Tensor LevelPositions::operator()(const std::vector<at::Tensor>& maps) const {
  std::vector<at::Tensor> parts;
  for (size_t i = 0; i < maps.size(); ++i)
    parts.push_back((*positions_)(maps[i]) +
                    nn::cast_like(levels_[static_cast<int64_t>(i)], maps[i]));
  return at::cat(parts, 1);
}

DeformableEncoderLayer::DeformableEncoderLayer(const nn::Scope& scope, const DeformableSettings& s)
    : dropout_(s.transformer.dropout),
      attention_(scope / "self_attn", s, s.transformer.encoder_heads, s.encoder_points),
      norm_(scope / "self_attn_layer_norm", s.transformer.width, kEps),
      feed_forward_(scope, s.transformer, s.transformer.encoder_inner) {}

at::Tensor DeformableEncoderLayer::operator()(const LevelMemory& memory,
                                              const at::Tensor& positions,
                                              const nn::Context& context) const {
  const at::Tensor& x = memory.values;
  const at::Tensor read = attention_(x + positions, memory.centres(), memory, context);
  return feed_forward_(norm_(x + nn::dropout(read, dropout_, context)), context);
}

DeformableDecoderLayer::DeformableDecoderLayer(const nn::Scope& scope, const DeformableSettings& s)
    : dropout_(s.transformer.dropout),
      attention_(scope / "self_attn", s.transformer.width, s.transformer.decoder_heads,
                 s.transformer.attention_dropout),
      norm_(scope / "self_attn_layer_norm", s.transformer.width, kEps),
      reading_(scope / "encoder_attn", s, s.transformer.decoder_heads, s.decoder_points),
      reading_norm_(scope / "encoder_attn_layer_norm", s.transformer.width, kEps),
      feed_forward_(scope, s.transformer, s.transformer.decoder_inner) {}

at::Tensor DeformableDecoderLayer::operator()(const at::Tensor& x, const at::Tensor& queries,
                                              const at::Tensor& references,
                                              const LevelMemory& memory,
                                              const nn::Context& context) const {
  const at::Tensor y =
      norm_(x + nn::dropout(attention_(x, queries, {}, context), dropout_, context));
  const at::Tensor read = reading_(y + queries, references, memory, context);
  return feed_forward_(reading_norm_(y + nn::dropout(read, dropout_, context)), context);
}

}  // namespace graft::models
