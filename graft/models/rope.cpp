#include "graft/models/rope.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/nn/sequences.h"
#include "graft/nn/token_passes.h"

namespace graft::models {
namespace {

/// The parameters in the newer form, whatever the config has.
Json parameters_of(const Json& c, const std::string& layer_type) {
  Json p = c.value("rope_parameters", Json());
  if (p.is_object() && !layer_type.empty() && p.contains(layer_type)) p = p[layer_type];
  if (!p.is_object()) p = Json::object();
  const Json older = c.value("rope_scaling", Json());
  // In Gemma 3's older form the scaling is that of the layers that see everything.
  const bool local = layer_type == "sliding_attention" && c.contains("rope_local_base_freq");
  // ModernBERT's older form.
  const std::string by_reach =
      layer_type == "sliding_attention" ? "local_rope_theta" : "global_rope_theta";
  if (older.is_object() && !local) {
    for (const auto& [key, value] : older.items()) {
      if (!p.contains(key)) p[key] = value;
    }
  }
  if (!p.contains("rope_theta") || p["rope_theta"].is_null()) {
    const std::string key = local                  ? "rope_local_base_freq"
                            : c.contains(by_reach) ? by_reach
                                                   : "rope_theta";
    p["rope_theta"] = config_number(c, key, 10000);
  }
  if (!p.contains("rope_type")) p["rope_type"] = p.value("type", std::string("default"));
  // What the first configs of Phi 3 call so is longrope.
  if (c.value("model_type", Json()) == "phi3" && p["rope_type"] == "yarn")
    p["rope_type"] = "longrope";
  if (!p.contains("partial_rotary_factor"))
    p["partial_rotary_factor"] = config_number(c, "partial_rotary_factor", 1);
  // Phi 3 has it at the top, which counts.
  if (c.contains("original_max_position_embeddings"))
    p["original_max_position_embeddings"] = c["original_max_position_embeddings"];
  return p;
}

std::vector<double> numbers(const Json& p, const char* key, int64_t count) {
  std::vector<double> list;
  if (p.contains(key) && p[key].is_array()) {
    for (const Json& value : p[key]) {
      if (value.is_number()) list.push_back(value.get<double>());
    }
  }
  if (static_cast<int64_t>(list.size()) != count) {
    fail_unreadable("config.json: {} of the rotary embeddings must be a list of {} numbers", key,
                    count);
  }
  return list;
}

}  // namespace

Rope::Rope(const Json& config, int64_t width, const std::string& layer_type) : width_(width) {
  const Json p = parameters_of(config, layer_type);
  rotated_ = static_cast<int64_t>(static_cast<double>(width) *
                                  config_number(p, "partial_rotary_factor", 1));
  if (rotated_ < 2 || rotated_ > width || rotated_ % 2 != 0) {
    fail_unreadable(
        "config.json: {} of a head's {} numbers would be rotated; it must be an even "
        "number of them",
        rotated_, width);
  }
  type_ = config_text(p, "rope_type", "default");
  theta_ = config_number(p, "rope_theta", 10000);
  factor_ = config_number(p, "factor", 1);
  original_ = config_integer(p, "original_max_position_embeddings",
                             config_integer(config, "max_position_embeddings", 2048));
  if (!(theta_ > 0) || !(factor_ > 0) || original_ < 1)
    fail_unreadable("config.json: rope_theta {}, factor {} and positions {} must be positive",
                    theta_, factor_, original_);
  read(config, p);
}

void Rope::read(const Json& config, const Json& p) {
  if (type_ == "default") {
    frequencies_ = plain(theta_);
  } else if (type_ == "linear") {
    frequencies_ = plain(theta_);
    for (double& f : frequencies_) f /= factor_;
  } else if (type_ == "dynamic") {
    original_ = config_integer(config, "max_position_embeddings", 2048);
  } else if (type_ == "llama3") {
    frequencies_ = llama3(p);
  } else if (type_ == "yarn") {
    if (!p.contains("factor"))
      factor_ =
          config_number(config, "max_position_embeddings", 2048) / static_cast<double>(original_);
    frequencies_ = yarn(p);
  } else if (type_ == "longrope" || type_ == "su") {
    short_ = numbers(p, "short_factor", rotated_ / 2);
    long_ = numbers(p, "long_factor", rotated_ / 2);
    const double stretch = p.contains("factor")
                               ? factor_
                               : config_number(config, "max_position_embeddings", 2048) /
                                     static_cast<double>(original_);
    const double usual =
        stretch <= 1 ? 1
                     : std::sqrt(1 + std::log(stretch) / std::log(static_cast<double>(original_)));
    scaling_ = config_number(p, "attention_factor", usual);
  } else {
    fail_unreadable(
        "config.json: the rope_type '{}' is not supported; known: default, linear, dynamic, "
        "llama3, "
        "yarn, longrope",
        type_);
  }
}

std::vector<double> Rope::plain(double theta) const {
  std::vector<double> frequencies;
  for (int64_t i = 0; i < rotated_; i += 2)
    frequencies.push_back(1 /
                          std::pow(theta, static_cast<double>(i) / static_cast<double>(rotated_)));
  return frequencies;
}

std::vector<double> Rope::llama3(const Json& p) const {
  const double low = config_number(p, "low_freq_factor", 1);
  const double high = config_number(p, "high_freq_factor", 4);
  const auto context = static_cast<double>(original_);
  std::vector<double> frequencies = plain(theta_);
  for (double& f : frequencies) {
    const double wave = 2 * std::numbers::pi / f;
    if (wave > context / low) {
      f /= factor_;
    } else if (wave >= context / high) {
      const double smooth = (context / wave - low) / (high - low);
      f = (1 - smooth) * f / factor_ + smooth * f;
    }
  }
  return frequencies;
}

std::vector<double> Rope::yarn(const Json& p) {
  const auto mscale = [](double scale, double m) {
    return scale <= 1 ? 1 : 0.1 * m * std::log(scale) + 1;
  };
  const double m = config_number(p, "mscale", 0);
  const double all = config_number(p, "mscale_all_dim", 0);
  const double usual =
      m != 0 && all != 0 ? mscale(factor_, m) / mscale(factor_, all) : mscale(factor_, 1);
  scaling_ = config_number(p, "attention_factor", usual);
  const auto dimension = [&](double rotations) {
    return static_cast<double>(rotated_) *
           std::log(static_cast<double>(original_) / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(theta_));
  };
  double low = dimension(config_number(p, "beta_fast", 32));
  double high = dimension(config_number(p, "beta_slow", 1));
  if (config_flag(p, "truncate", true)) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(rotated_ - 1));
  if (low == high) high += 0.001;
  std::vector<double> frequencies = plain(theta_);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = frequencies[i] / factor_ * ramp + frequencies[i] * (1 - ramp);
  }
  return frequencies;
}

std::vector<float> Rope::frequencies(int64_t length) const {
  std::vector<double> f = frequencies_;
  if (type_ == "dynamic") {
    const auto longest = static_cast<double>(std::max(length, original_));
    const auto d = static_cast<double>(rotated_);
    f = plain(theta_ * std::pow(factor_ * longest / static_cast<double>(original_) - (factor_ - 1),
                                d / (d - 2)));
  } else if (!short_.empty()) {
    f = plain(theta_);
    const auto& stretch = length > original_ ? long_ : short_;
    for (size_t i = 0; i < f.size(); ++i) f[i] /= stretch[i];
  }
  return {f.begin(), f.end()};
}

at::Tensor Rope::angles(const at::Tensor& lengths, const at::Tensor& past, bool precise) const {
  const auto type = precise ? at::kDouble : at::kFloat;
  const auto row = [&](int64_t length) {
    return at::tensor(frequencies(length), at::kFloat).to(type).unsqueeze(0);
  };
  const at::Tensor positions = nn::positions_in(lengths, past).to(type).unsqueeze(1);
  if (!frequencies_.empty()) return positions * row(0);
  std::vector<at::Tensor> rows;
  rows.reserve(static_cast<size_t>(lengths.size(0)));
  const auto* sizes = lengths.const_data_ptr<int64_t>();
  const auto* before = past.defined() ? past.const_data_ptr<int64_t>() : nullptr;
  for (int64_t i = 0; i < lengths.size(0); ++i)
    rows.push_back(row(sizes[i] + (before ? before[i] : 0)).expand({sizes[i], rotated_ / 2}));
  return positions * at::cat(rows, 0);
}

Rope::Turn Rope::turn(const at::Tensor& lengths, const at::Tensor& like,
                      const at::Tensor& past) const {
  if (like.is_cpu()) return make_turn(lengths, like, past);
  const auto same = [](const at::Tensor& a, const at::Tensor& b) {
    return a.defined() == b.defined() && (!a.defined() || a.equal(b));
  };
  const std::lock_guard lock(mutex_);
  const at::Tensor& before = known_.turn.cos;
  const bool known = before.defined() && before.device() == like.device() &&
                     before.scalar_type() == like.scalar_type() && same(lengths, known_.lengths) &&
                     same(past, known_.past);
  if (!known) known_ = {lengths.clone(), past, make_turn(lengths, like, past)};
  return known_.turn;
}

Rope::Turn Rope::make_turn(const at::Tensor& lengths, const at::Tensor& like,
                           const at::Tensor& past) const {
  const at::Tensor a = angles(lengths, past, like.scalar_type() == at::kDouble).to(like.device());
  return {(a.cos() * scaling_).to(like.scalar_type()), (a.sin() * scaling_).to(like.scalar_type())};
}

at::Tensor Rope::rotate(const at::Tensor& x, const Turn& turn) const {
  return nn::rotate_heads(x, turn.cos, turn.sin, width_);
}

bool rope_grows(const Json& config) {
  return config_text(parameters_of(config, ""), "rope_type", "default") == "dynamic";
}

int64_t rope_limit(const Json& config) {
  const Json p = parameters_of(config, "");
  const std::string type = config_text(p, "rope_type", "default");
  if (type != "longrope" && type != "su") return 0;
  return config_integer(p, "original_max_position_embeddings",
                        config_integer(config, "max_position_embeddings", 2048));
}

}  // namespace graft::models
