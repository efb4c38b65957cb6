#include "graft/models/hgnet_v2.h"

#include <torch/types.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/nn/conv_norm.h"

namespace graft::models {
namespace {

using nn::Activation;

constexpr double kEps = 1e-5;
constexpr double kMomentum = 0.1;

struct UnitShape {
  int64_t in, out, kernel;
  int64_t stride = 1, groups = 1;
  Activation activation = Activation::relu;
};

/// Convolution, norm, activation and, behind an activation, a learned factor and shift.
class Unit {
 public:
  Unit(const nn::Scope& scope, const UnitShape& shape, const HgNetSettings& s)
      : conv_(scope, options(shape), shape.activation, kEps, kMomentum, "convolution",
              "normalization", s.norm) {
    if (!s.affine || shape.activation == Activation::none) return;
    scale_ = at::ones({1});
    shift_ = at::zeros({1});
    (scope / "lab").add("scale", scale_, nn::Role::scale);
    (scope / "lab").add("bias", shift_, nn::Role::bias);
  }
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;
  at::Tensor operator()(const at::Tensor& x) {
    const at::Tensor y = conv_(x);
    if (!scale_.defined()) return y;
    return y * scale_.to(y.scalar_type()) + shift_.to(y.scalar_type());
  }

 private:
  static nn::ConvOptions options(const UnitShape& shape) {
    nn::ConvOptions o;
    o.in = shape.in;
    o.out = shape.out;
    o.kernel = {shape.kernel, shape.kernel};
    o.stride = {shape.stride, shape.stride};
    o.padding = {(shape.kernel - 1) / 2, (shape.kernel - 1) / 2};
    o.groups = shape.groups;
    return o;
  }
  nn::ConvNorm conv_;
  at::Tensor scale_, shift_;
};

std::unique_ptr<Unit> unit(const nn::Scope& scope, const UnitShape& shape, const HgNetSettings& s) {
  return std::make_unique<Unit>(scope, shape, s);
}

/// One more column and row at the end, of zeros.
at::Tensor grown(const at::Tensor& x) {
  return at::constant_pad_nd(x, {0, 1, 0, 1});
}

class Stem final : public Block {
 public:
  Stem(const nn::Scope& scope, const HgNetTower& t) {
    const HgNetSettings& s = t.settings;
    const int64_t width = s.stem[1];
    const auto make = [&](const char* name, int64_t in, int64_t out, int64_t kernel, size_t i) {
      return unit(scope / name, {in, out, kernel, s.stem_strides[i], 1, s.activation}, s);
    };
    first_ = make("stem1", s.stem[0], width, 3, 0);
    narrow_ = make("stem2a", width, width / 2, 2, 1);
    wide_ = make("stem2b", width / 2, width, 2, 2);
    joined_ = make("stem3", 2 * width, width, 3, 3);
    last_ = make("stem4", width, s.stem[2], 1, 4);
  }
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    const at::Tensor pixels = flow.at("pixels").contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor x = grown((*first_)(pixels));
    const at::Tensor branch = (*wide_)(grown((*narrow_)(x)));
    const at::Tensor pooled = at::max_pool2d(x, {2, 2}, {1, 1}, {0, 0}, {1, 1}, true);
    return {"x", (*last_)((*joined_)(at::cat({pooled, branch}, 1)))};
  }

 private:
  std::unique_ptr<Unit> first_, narrow_, wide_, joined_, last_;
};

/// Where a block stands.
struct Place {
  const HgNetSettings::Stage& stage;
  int64_t number;   ///< of the stage
  int64_t block;    ///< within it
  std::string map;  ///< how its output is handed on, where it is
  bool last;        ///< of all
};

/// Layers one after the other, all of whose outputs are joined; the first block of a stage also
/// holds the downsampling before it.
class HgBlock final : public Block {
 public:
  HgBlock(const nn::Scope& scope, const HgNetTower& t, const Place& place)
      : map_(place.map), last_(place.last), residual_(place.block > 0) {
    const HgNetSettings& s = t.settings;
    const HgNetSettings::Stage& stage = place.stage;
    const nn::Scope outer = scope / std::to_string(place.number);
    if (place.block == 0 && stage.downsamples)
      downsample_ = unit(outer / "downsample",
                         {stage.in, stage.in, 3, stage.stride, stage.in, Activation::none}, s);
    const nn::Scope own = outer / "blocks" / std::to_string(place.block);
    const int64_t in = residual_ ? stage.out : stage.in;
    for (int64_t i = 0; i < stage.layers; ++i) {
      const nn::Scope layer = own / "layers" / std::to_string(i);
      const int64_t from = i == 0 ? in : stage.middle;
      std::vector<std::unique_ptr<Unit>>& units = layers_.emplace_back();
      if (stage.light) {
        units.push_back(unit(layer / "conv1", {from, stage.middle, 1, 1, 1, Activation::none}, s));
        units.push_back(
            unit(layer / "conv2", {stage.middle, stage.middle, stage.kernel, 1, stage.middle}, s));
      } else {
        units.push_back(unit(layer, {from, stage.middle, stage.kernel}, s));
      }
    }
    const int64_t all = in + stage.layers * stage.middle;
    squeeze_ = unit(own / "aggregation" / "0", {all, stage.out / 2, 1}, s);
    excite_ = unit(own / "aggregation" / "1", {stage.out / 2, stage.out, 1}, s);
  }
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    const at::Tensor x = downsample_ ? (*downsample_)(flow.at("x")) : flow.at("x");
    std::vector<at::Tensor> outputs{x};
    for (const auto& units : layers_) {
      at::Tensor y = outputs.back();
      for (const auto& unit : units) y = (*unit)(y);
      outputs.push_back(y);
    }
    at::Tensor y = (*excite_)((*squeeze_)(at::cat(outputs, 1)));
    if (residual_) y = y + x;
    nn::Flow result;
    if (!last_) result["x"] = y;
    for (const auto& [name, map] : flow.tensors()) {
      if (name.starts_with("map")) result[name] = map;
    }
    if (!map_.empty()) result[map_] = y;
    return result;
  }

 private:
  std::string map_;
  bool last_, residual_;
  std::unique_ptr<Unit> downsample_;
  std::vector<std::vector<std::unique_ptr<Unit>>> layers_;
  std::unique_ptr<Unit> squeeze_, excite_;
};

std::vector<bool> flags(const Json& config, const std::string& key, std::vector<bool> fallback) {
  if (!config.is_object() || !config.contains(key) || config[key].is_null()) return fallback;
  std::vector<bool> values;
  for (const Json& value : config[key].is_array() ? config[key] : Json::array({Json()})) {
    if (!value.is_boolean())
      fail_unreadable("config.json: {} must be a list of true and false, got {}", key,
                      config[key].dump());
    values.push_back(value.get<bool>());
  }
  return values;
}

}  // namespace

HgNetSettings::HgNetSettings(const Json& c)
    : stem(config_integers(c, "stem_channels", {3, 32, 48})),
      stem_strides(config_integers(c, "stem_strides", {2, 1, 1, 2, 1})),
      activation(
          nn::parse_activation(config_text(c, "hidden_act", "relu"), "config.json: hidden_act")),
      affine(config_flag(c, "use_learnable_affine_block", false)) {
  const auto in = config_integers(c, "stage_in_channels", {48, 128, 512, 1024});
  const auto middle = config_integers(c, "stage_mid_channels", {48, 96, 192, 384});
  const auto out = config_integers(c, "stage_out_channels", {128, 512, 1024, 2048});
  const auto blocks = config_integers(c, "stage_num_blocks", {1, 1, 3, 1});
  const auto layers = config_integers(c, "stage_numb_of_layers", {6, 6, 6, 6});
  const auto kernels = config_integers(c, "stage_kernel_size", {3, 3, 5, 5});
  const auto strides = config_integers(c, "stage_downsample_strides", {2, 2, 2, 2});
  const auto downsample = flags(c, "stage_downsample", {false, true, true, true});
  const auto light = flags(c, "stage_light_block", {false, false, true, true});
  const size_t count = in.size();
  const auto sane = [](int64_t n, int64_t most) { return n > 0 && n <= most; };
  bool fits = stem.size() == 3 && stem_strides.size() == 5 && count > 0 && strides.size() >= count;
  for (const size_t size : {middle.size(), out.size(), blocks.size(), layers.size(), kernels.size(),
                            downsample.size(), light.size()})
    fits = fits && size == count;
  for (size_t i = 0; i < count && fits; ++i) {
    fits = sane(in[i], 65536) && sane(middle[i], 65536) && sane(out[i], 65536) && out[i] > 1 &&
           sane(blocks[i], 1000) && sane(layers[i], 1000) && sane(kernels[i], 64) &&
           sane(strides[i], 64) && in[i] == (i == 0 ? stem[2] : out[i - 1]);
    stages.push_back({in[i], middle[i], out[i], blocks[i], layers[i], kernels[i],
                      downsample[i] ? strides[i] : 1, downsample[i], light[i]});
  }
  for (const int64_t width : stem) fits = fits && sane(width, 65536);
  for (const int64_t stride : stem_strides) fits = fits && sane(stride, 64);
  if (!fits || stem[1] < 2) {
    fail_unreadable(
        "config.json: the backbone needs three stem_channels, five stem_strides and lists stage_… "
        "of positive numbers, equally long, in which each stage takes as many channels as the one "
        "before gives");
  }
}

void add_hgnet_v2(Model& model, const HgNetTower& t) {
  model.add<Stem>("stem", Span::backbone, t.path + ".embedder", t);
  int index = 0;
  const auto count = static_cast<int64_t>(t.settings.stages.size());
  for (int64_t number = 0; number < count; ++number) {
    const HgNetSettings::Stage& stage = t.settings.stages[static_cast<size_t>(number)];
    for (int64_t block = 0; block < stage.blocks; ++block) {
      const bool ends = block + 1 == stage.blocks;
      const bool kept = ends && std::ranges::find(t.maps, number) != t.maps.end();
      const Place place{stage, number, block, kept ? fmt::format("map{}", number) : "",
                        ends && number + 1 == count};
      model.add<HgBlock>(fmt::format("block {}", index++), Span::backbone,
                         t.path + ".encoder.stages", t, place);
    }
  }
}

}  // namespace graft::models
