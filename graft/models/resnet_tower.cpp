#include "graft/models/resnet_tower.h"

#include <torch/types.h>

#include <algorithm>
#include <map>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/nn/conv_norm.h"

namespace graft::models {
namespace {

using nn::Activation;

constexpr double kMomentum = 0.1;

/// How the convolution and the norm of a unit are called: below the layer's path, the layer of the
/// two, and their own names.
struct UnitName {
  std::string layer, conv, norm;
};

UnitName stem_name(ResNetNames names) {
  if (names == ResNetNames::torchvision) return {"", "conv1", "bn1"};
  return {"embedder.embedder", "convolution", "normalization"};
}

UnitName deep_stem_name(size_t i) {
  return {fmt::format("embedder.embedder.{}", i), "convolution", "normalization"};
}

UnitName branch_name(ResNetNames names, size_t i) {
  if (names == ResNetNames::torchvision)
    return {"", fmt::format("conv{}", i + 1), fmt::format("bn{}", i + 1)};
  return {fmt::format("layer.{}", i), "convolution", "normalization"};
}

UnitName shortcut_name(ResNetNames names, bool pooled) {
  if (names == ResNetNames::torchvision) return {"downsample", "0", "1"};
  return {pooled ? "shortcut.1" : "shortcut", "convolution", "normalization"};
}

std::string layer_path(const ResNetTower& t, size_t stage, int64_t layer) {
  const std::string name = t.names == ResNetNames::torchvision
                               ? fmt::format("layer{}.{}", stage + 1, layer)
                               : fmt::format("encoder.stages.{}.layers.{}", stage, layer);
  return t.path.empty() ? name : t.path + "." + name;
}

struct UnitShape {
  int64_t in, out, kernel, stride;
  Activation activation;
};

std::unique_ptr<nn::ConvNorm> unit(const nn::Scope& scope, const UnitName& name,
                                   const UnitShape& shape, const ResNetSettings& s) {
  nn::ConvOptions o;
  o.in = shape.in;
  o.out = shape.out;
  o.kernel = {shape.kernel, shape.kernel};
  o.stride = {shape.stride, shape.stride};
  o.padding = {shape.kernel / 2, shape.kernel / 2};
  return std::make_unique<nn::ConvNorm>(name.layer.empty() ? scope : scope / name.layer, o,
                                        shape.activation, s.eps, kMomentum, name.conv, name.norm,
                                        s.norm);
}

class Stem final : public Block {
 public:
  Stem(const nn::Scope& scope, const ResNetTower& t) {
    const ResNetSettings& s = t.settings;
    if (!s.vd) {
      units_.push_back(
          unit(scope, stem_name(t.names), {s.channels, s.stem, 7, 2, s.activation}, s));
      return;
    }
    const int64_t narrow = s.stem / 2;
    const UnitShape shapes[] = {{s.channels, narrow, 3, 2, s.activation},
                                {narrow, narrow, 3, 1, s.activation},
                                {narrow, s.stem, 3, 1, s.activation}};
    for (const UnitShape& shape : shapes)
      units_.push_back(unit(scope, deep_stem_name(units_.size()), shape, s));
  }
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    at::Tensor x = flow.at("pixels").contiguous(at::MemoryFormat::ChannelsLast);
    for (const auto& unit : units_) x = (*unit)(x);
    return {"x", at::max_pool2d(x, {3, 3}, {2, 2}, {1, 1})};
  }

 private:
  std::vector<std::unique_ptr<nn::ConvNorm>> units_;
};

/// Where a residual layer stands.
struct Place {
  int64_t in, out, stride;
  std::string map;  ///< how its output is handed on, where it is
  bool first;       ///< of its stage
  bool last;        ///< of all
};

/// One residual layer.
class Residual final : public Block {
 public:
  Residual(const nn::Scope& scope, const ResNetTower& t, const Place& place) : map_(place.map) {
    const ResNetSettings& s = t.settings;
    if (place.last) end_ = t.end;
    const int64_t in = place.in, out = place.out, stride = place.stride;
    // RT-DETR's stages of basic layers begin with a shortcut of its own in any case.
    const bool always = s.vd && !s.bottleneck && place.first;
    if (in != out || stride != 1 || always) {
      pools_ = s.vd && (s.bottleneck ? stride == 2 : in != out);
      shortcut_ = unit(scope, shortcut_name(t.names, pools_),
                       {in, out, 1, pools_ ? 1 : stride, Activation::none}, s);
    }
    std::vector<UnitShape> shapes;
    if (s.bottleneck) {
      const int64_t narrow = out / 4;
      const int64_t early = s.strides_early ? stride : 1;
      shapes = {{in, narrow, 1, early, Activation::relu},
                {narrow, narrow, 3, stride / early, Activation::relu},
                {narrow, out, 1, 1, s.activation}};
    } else {
      shapes = {{in, out, 3, stride, Activation::relu}, {out, out, 3, 1, s.activation}};
    }
    for (size_t i = 0; i < shapes.size(); ++i)
      branch_.push_back(unit(scope, branch_name(t.names, i), shapes[i], s));
  }
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    const at::Tensor x = flow.at("x");
    const at::Tensor kept = pools_ ? at::avg_pool2d(x, {2, 2}, {2, 2}, {0, 0}, true) : x;
    const at::Tensor residual = shortcut_ ? (*shortcut_)(kept) : kept;
    at::Tensor y = x;
    for (size_t i = 0; i + 1 < branch_.size(); ++i) y = (*branch_[i])(y);
    y = (*branch_.back())(y, residual);
    nn::Flow result = end_ ? end_(y) : nn::Flow("x", y);
    for (const auto& [name, map] : flow.tensors()) {
      if (name.starts_with("map")) result[name] = map;
    }
    if (!map_.empty()) result[map_] = y;
    return result;
  }

 private:
  std::string map_;
  bool pools_ = false;
  std::function<nn::Flow(const at::Tensor&)> end_;
  std::unique_ptr<nn::ConvNorm> shortcut_;
  std::vector<std::unique_ptr<nn::ConvNorm>> branch_;  // the last one adds the shortcut
};

}  // namespace

ResNetSettings::ResNetSettings(const Json& c)
    : channels(config_integer(c, "num_channels", 3)),
      stem(config_integer(c, "embedding_size", 64)),
      widths(config_integers(c, "hidden_sizes", {256, 512, 1024, 2048})),
      depths(config_integers(c, "depths", {3, 4, 6, 3})),
      first_strides(config_flag(c, "downsample_in_first_stage", false)),
      strides_early(config_flag(c, "downsample_in_bottleneck", false)),
      activation(
          nn::parse_activation(config_text(c, "hidden_act", "relu"), "config.json: hidden_act")) {
  const std::string type = config_text(c, "layer_type", "bottleneck");
  bottleneck = type == "bottleneck";
  if (widths.size() != depths.size() || (type != "basic" && !bottleneck)) {
    fail_unreadable(
        "config.json: hidden_sizes and depths must be equally long and layer_type basic or "
        "bottleneck");
  }
}

ResNetSettings ResNetSettings::named(const std::string& name) {
  struct Known {
    bool bottleneck;
    std::vector<int64_t> depths;
  };
  static const std::map<std::string, Known> all = {{"resnet18", {false, {2, 2, 2, 2}}},
                                                   {"resnet34", {false, {3, 4, 6, 3}}},
                                                   {"resnet50", {true, {3, 4, 6, 3}}},
                                                   {"resnet101", {true, {3, 4, 23, 3}}},
                                                   {"resnet152", {true, {3, 8, 36, 3}}}};
  const auto found = all.find(name);
  if (found == all.end())
    fail_unreadable(
        "config.json: the backbone '{}' is not one that graft knows; it must be resnet18, "
        "resnet34, resnet50, resnet101 or resnet152",
        name);
  ResNetSettings s;
  s.bottleneck = found->second.bottleneck;
  s.depths = found->second.depths;
  if (!s.bottleneck) s.widths = {64, 128, 256, 512};
  return s;
}

void add_resnet(Model& model, const ResNetTower& t) {
  const ResNetSettings& s = t.settings;
  model.add<Stem>("stem", Span::backbone, t.path, t);
  int64_t in = s.stem;
  int index = 0;
  for (size_t stage = 0; stage < s.depths.size(); ++stage) {
    for (int64_t layer = 0; layer < s.depths[stage]; ++layer) {
      const bool strides = layer == 0 && (stage > 0 || s.first_strides);
      const bool ends_stage = layer + 1 == s.depths[stage];
      const bool kept =
          ends_stage && std::ranges::find(t.maps, static_cast<int64_t>(stage)) != t.maps.end();
      const Place place{in,
                        s.widths[stage],
                        strides ? 2 : 1,
                        kept ? fmt::format("map{}", stage) : "",
                        layer == 0,
                        ends_stage && stage + 1 == s.depths.size()};
      model.add<Residual>(fmt::format("block {}", index++), Span::backbone,
                          layer_path(t, stage, layer), t, place);
      in = s.widths[stage];
    }
  }
}

void init_resnet(Model& model, const nn::Init& random) {
  for (auto& p : model.registry().parameters) {
    if (p.role == nn::Role::weight && p.value->dim() == 4) random.kaiming_normal(p.name, *p.value);
  }
}

}  // namespace graft::models
