#include <torch/types.h>

#include <cmath>

#include "graft/base/error.h"
#include "graft/nn/conv.h"
#include "graft/nn/dropout.h"
#include "graft/nn/linear.h"
#include "graft/nn/low_rank.h"
#include "graft/peft/hf_fields.h"
#include "graft/peft/method.h"

namespace graft::peft {
namespace {

constexpr int64_t kMaxRank = 4096;
constexpr double kMaxDropout = 0.95;
constexpr int64_t kMaxPadded = int64_t{16} << 20;  ///< numbers in a zero-padded A, 64 MiB

/// y + s B(A(drop(x))), s = alpha / r. A [r, in] and B [out, r]; for convolutions A has the base's
/// kernel, stride, padding, dilation and groups (g·r channels, one A per group) and B is 1x1.
class Lora final : public nn::Adapter {
 public:
  Lora(nn::Site site, const Options& options, at::Tensor a, at::Tensor b)
      : site_(std::move(site)),
        r_(options.integer("r")),
        alpha_(options.number("alpha")),
        scale_(alpha_ / (options.boolean("rslora") ? std::sqrt(static_cast<double>(r_))
                                                   : static_cast<double>(r_))),
        dropout_(options.number("dropout")),
        rslora_(options.boolean("rslora")),
        a_(std::move(a)),
        b_(std::move(b)) {}

  at::Tensor output(const at::Tensor& x, const at::Tensor& y) override {
    return add(x, y, nn::cast_like(b_, x));
  }
  std::optional<nn::LowRank> low_rank() const override {
    if (site_.kind != nn::SeamKind::linear || dropout_ > 0) return std::nullopt;
    return nn::LowRank{a_, b_, scale_};
  }
  bool scales() const override { return true; }
  at::Tensor scaled_output(const at::Tensor& x, const at::Tensor& y,
                           const at::Tensor& scale) override {
    const at::Tensor rows =
        site_.kind == nn::SeamKind::linear ? scale.view({-1, 1}) : scale.view({-1, 1, 1, 1});
    return add(x, y, nn::cast_like(b_ * rows, x));
  }

  void merge(at::Tensor& weight, at::Tensor&) const override {
    const at::Tensor a = a_.to(at::kDouble);
    const at::Tensor b = b_.to(at::kDouble);
    at::Tensor delta;
    if (site_.kind == nn::SeamKind::linear) {
      delta = b.mm(a);
    } else {  // group by group: [g, out/g, r] x [g, r, in/g·k·k]
      const int64_t g = site_.groups;
      delta = at::bmm(b.view({g, site_.out / g, r_}), a.contiguous().view({g, r_, -1}))
                  .view(weight.sizes());
    }
    weight = (weight.to(at::kDouble) + delta * scale_).to(weight.scalar_type());
  }

  std::vector<nn::NamedTensor> parameters() override {
    return {{"lora_A.weight", &a_}, {"lora_B.weight", &b_}};
  }
  double flops(double positions) const override {
    return 2 * positions * static_cast<double>(a_.numel() + b_.numel());
  }
  std::string method() const override { return "lora"; }

  int64_t rank() const { return r_; }
  double alpha() const { return alpha_; }
  bool rslora() const { return rslora_; }
  const at::Tensor& a() const { return a_; }
  const at::Tensor& b() const { return b_; }

 private:
  at::Tensor add(const at::Tensor& x, const at::Tensor& y, const at::Tensor& b) const {
    const nn::Context* context = nn::ContextGuard::current();
    const at::Tensor in = context ? nn::dropout(x, dropout_, *context) : x;
    const at::Tensor a = nn::cast_like(a_, x);
    if (site_.kind == nn::SeamKind::linear) {
      const at::Tensor low = at::linear(in, a).flatten(0, -2);
      return at::addmm(y.flatten(0, -2), low, b.t(), 1, scale_).view(y.sizes());
    }
    constexpr std::array<int64_t, 2> kOne{1, 1};
    constexpr std::array<int64_t, 2> kZero{0, 0};
    at::Tensor padded = in;
    std::array<int64_t, 2> padding = site_.padding;
    if (site_.padding_mode != "zeros") {
      padded = nn::pad_input(in, site_.padding, site_.padding_mode);
      padding = {0, 0};
    }
    const at::Tensor low =
        at::conv2d(padded, a, {}, site_.stride, padding, site_.dilation, site_.groups);
    // A 1x1 convolution of pixels whose channels are neighbours is a product.
    constexpr auto kLast = at::MemoryFormat::ChannelsLast;
    if (site_.groups == 1 && y.is_contiguous(kLast) && low.is_contiguous(kLast))
      return nn::add_low_rank(y, low, b.flatten(1), scale_);
    return y + at::conv2d(low, b, {}, kOne, kZero, kOne, site_.groups) * scale_;
  }

  nn::Site site_;
  int64_t r_;
  double alpha_, scale_, dropout_;
  bool rslora_;
  at::Tensor a_, b_;
};

std::vector<Option> lora_options() {
  return {
      integer("r", 8, "rank; of each group for grouped convolutions").between(1, kMaxRank),
      number("alpha", 16, "scale: the update is multiplied by alpha / r").at_least(0),
      number("dropout", 0.0, "dropout on the adapter's input").between(0, kMaxDropout),
      flag("rslora", false, "scale by alpha / sqrt(r) instead"),
      text("init", "kaiming", "how A is drawn; B is zero").one_of({"kaiming", "gaussian"}),
      any("target", "auto",
          "auto (each backbone layer where the adapter is smaller than the weight), all-linear, "
          "all, or a list of name endings"),
  };
}

struct Factors {
  at::Tensor a, b;
};

Factors empty_factors(const nn::Site& site, int64_t r) {
  if (site.kind == nn::SeamKind::linear) return {at::empty({r, site.in}), at::empty({site.out, r})};
  return {at::empty({r * site.groups, site.in / site.groups, site.kernel[0], site.kernel[1]})
              .contiguous(at::MemoryFormat::ChannelsLast),
          at::empty({site.out, r, 1, 1})};
}

std::shared_ptr<nn::Adapter> make_lora(const nn::Site& site, const Options& options,
                                       const nn::Init& init) {
  const int64_t r = options.integer("r");
  auto [a, b] = empty_factors(site, r);
  b.zero_();
  const auto fan_in = static_cast<double>(a[0].numel());
  // Kaiming uniform with a = sqrt(5), as peft draws it, is uniform within
  // 1/sqrt(fan_in).
  if (options.text("init") == "gaussian")
    init.normal(site.path + ".lora_A", a, 1.0 / static_cast<double>(r));
  else
    init.uniform(site.path + ".lora_A", a, 1 / std::sqrt(fan_in));
  return std::make_shared<Lora>(site, options, a, b);
}

// ---- The form of Hugging Face peft 0.21 (tuners/lora/config.py, layer.py) ----

Json peft_config(const Options& options) {
  Json config = {
      {"fan_in_fan_out", false}, {"use_dora", false}, {"use_qalora", false}, {"lora_bias", false}};
  for (const char* absent :
       {"alora_invocation_tokens", "arrow_config", "corda_config", "eva_config", "exclude_modules",
        "kasa_config", "layer_replication", "layers_pattern", "layers_to_transform",
        "lora_ga_config", "megatron_config", "monteclora_config", "target_parameters",
        "trainable_token_indices", "use_bdlora", "velora_config"}) {
    config[absent] = nullptr;
  }
  for (const char* empty : {"alpha_pattern", "loftq_config", "rank_pattern"})
    config[empty] = Json::object();
  config["bias"] = "none";
  config["ensure_weight_tying"] = false;
  config["init_lora_weights"] = options.text("init") == "gaussian" ? Json("gaussian") : Json(true);
  config["lora_alpha"] = number_json(options.number("alpha"));
  config["lora_dropout"] = options.number("dropout");
  config["megatron_core"] = "megatron.core";
  config["qalora_group_size"] = 16;
  config["r"] = options.integer("r");
  config["use_rslora"] = options.boolean("rslora");
  return config;
}

/// fan_in_fan_out only says how the base's weight lies (GPT-2's Conv1D): A and B are the same.
void refuse_features(const Json& config, const std::string& where) {
  for (const char* feature :
       {"use_dora", "use_qalora", "use_bdlora", "lora_bias", "alora_invocation_tokens",
        "arrow_config", "kasa_config", "corda_config", "layer_replication", "lora_ga_config",
        "megatron_config", "monteclora_config", "target_parameters", "trainable_token_indices",
        "velora_config"}) {
    if (!asks(config, feature)) continue;
    fail_unreadable(
        "{}: the adapter uses {} ({}), which graft does not have; merge it with peft and give the "
        "merged model",
        where, feature, config[feature].dump());
  }
  if (const std::string bias = config.contains("bias") ? config["bias"].dump() : "null";
      bias != "\"none\"" && bias != "null") {
    fail_unreadable(
        "{}: the adapter trained biases (bias: {}), which graft does not read from an adapter; "
        "merge it with peft and give the merged model",
        where, bias);
  }
  // Others take something out of the base weights: A and B alone are not the update then.
  const Json init = config.contains("init_lora_weights") ? config["init_lora_weights"] : Json(true);
  if (!init.is_boolean() && !init.is_null() && init != "gaussian" && init != "eva" &&
      init != "orthogonal") {
    fail_unreadable(
        "{}: init_lora_weights {} changes the base weights; convert the adapter to plain LoRA with "
        "peft (save_pretrained with path_initial_model_for_weight_conversion)",
        where, init.dump());
  }
}

Json peft_options(const Json& config, const std::string& where) {
  refuse_features(config, where);
  // The rank of a grouped convolution is that of all its groups together.
  const double r = read_number(config, "r", 8, 1, 1 << 24, where);
  if (r != std::floor(r)) fail_unreadable("{}: r must be a whole number, got {}", where, r);
  const bool gaussian =
      asks(config, "init_lora_weights") && config["init_lora_weights"] == "gaussian";
  return {{"r", static_cast<int64_t>(r)},
          {"alpha", read_number(config, "lora_alpha", 8, 0, 1e9, where)},
          {"dropout", read_number(config, "lora_dropout", 0, 0, kMaxDropout, where)},
          {"rslora", read_flag(config, "use_rslora", where)},
          {"init", gaussian ? "gaussian" : "kaiming"}};
}

/// peft's A reads all channels; a group's rows are zero outside its own. The view [r, in/g, k, k,
/// g] of what is not.
at::Tensor group_blocks(const at::Tensor& dense, int64_t g) {
  const int64_t r = dense.size(0) / g;
  return dense.view({g, r, g, dense.size(1) / g, dense.size(2), dense.size(3)}).diagonal(0, 0, 2);
}

/// Scale α/r, or α/√r, stays the same when the rank is g·r: α grows by g, or √g.
double group_alpha(int64_t groups, bool rslora) {
  return rslora ? std::sqrt(static_cast<double>(groups)) : static_cast<double>(groups);
}

std::optional<PeftLayer> peft_export(const nn::Site& site, const nn::Adapter& adapter) {
  const auto& lora = dynamic_cast<const Lora&>(adapter);
  const int64_t g = site.groups;
  at::Tensor a = lora.a().detach().cpu();
  if (g > 1) {
    if (a.numel() * g > kMaxPadded) return std::nullopt;
    const at::Tensor dense = at::zeros({a.size(0), site.in, a.size(2), a.size(3)}, a.options());
    const at::Tensor blocks =
        a.contiguous().view({g, lora.rank(), a.size(1), a.size(2), a.size(3)});
    group_blocks(dense, g).copy_(blocks.permute({1, 2, 3, 4, 0}));
    a = dense;
  }
  PeftLayer layer;
  layer.settings = {{"r", lora.rank() * g},
                    {"lora_alpha", number_json(lora.alpha() * group_alpha(g, lora.rslora()))}};
  layer.tensors.add("lora_A.weight", a);
  layer.tensors.add("lora_B.weight", lora.b().detach().cpu());
  return layer;
}

std::shared_ptr<nn::Adapter> peft_import(const nn::Site& site, const Json& given,
                                         const io::TensorMap& tensors, const std::string& where) {
  const int64_t g = site.groups;
  const auto rank = given["r"].get<int64_t>();
  if (rank % g != 0 || rank / g > kMaxRank) {
    fail_unreadable(
        "{}: the rank {} does not fit the layer's {} groups: each has an equal share, from 1 to {}",
        where, rank, g, kMaxRank);
  }
  Json own = given;
  own["r"] = rank / g;
  if (g > 1)
    own["alpha"] = given["alpha"].get<double>() / group_alpha(g, given["rslora"].get<bool>());
  const Options options(lora_options(), own, where);
  for (const auto& [name, tensor] : tensors) {
    if (name == "lora_A.weight" || name == "lora_B.weight") continue;
    fail_unreadable("{}: the tensor {} is not part of LoRA; known: lora_A.weight, lora_B.weight",
                    where, name);
  }
  const bool conv = site.kind == nn::SeamKind::convolution;
  std::vector<int64_t> a_shape{rank, site.in};
  std::vector<int64_t> b_shape{site.out, rank / g};
  if (conv) {
    a_shape.insert(a_shape.end(), site.kernel.begin(), site.kernel.end());
    b_shape.insert(b_shape.end(), {1, 1});
  }
  at::Tensor from = read_tensor(tensors, "lora_A.weight", a_shape, where);
  auto [a, b] = empty_factors(site, rank / g);
  if (g > 1) {
    const at::Tensor dense = from.to(at::kFloat).contiguous();
    const at::Tensor blocks = group_blocks(dense, g).permute({4, 0, 1, 2, 3});
    if (at::count_nonzero(dense).item<int64_t>() != at::count_nonzero(blocks).item<int64_t>()) {
      fail_unreadable(
          "{}: lora_A of this convolution with {} groups mixes channels of all groups, as peft "
          "trains it; such an update is no convolution of the same kind and cannot be merged, and "
          "graft does not have it. Train the adapter without grouped convolutions",
          where, g);
    }
    from = blocks.reshape(a.sizes());
  }
  a.copy_(from);
  b.copy_(read_tensor(tensors, "lora_B.weight", b_shape, where));
  return std::make_shared<Lora>(site, options, a, b);
}

}  // namespace

Method lora() {
  Method m;
  m.name = "lora";
  m.summary = "low-rank updates B·A beside frozen linear and convolution weights";
  m.source = "Hu et al. 2021, arXiv:2106.09685; rsLoRA: Kalajdzievski 2023, arXiv:2312.03732";
  m.peft_type = "LORA";
  m.options = lora_options();
  m.serves = [](const nn::Site& site, const Options& options) {
    const Json& target = options.at("target");
    const bool conv = site.kind == nn::SeamKind::convolution;
    if (target.is_array()) return true;
    if (target == "all-linear") return !conv;
    if (target == "all") return true;
    const double kernel = static_cast<double>(site.kernel[0] * site.kernel[1]);
    const int64_t inputs = site.in / site.groups;
    const double weight = static_cast<double>(site.out * inputs) * kernel;
    const auto r = static_cast<double>(options.integer("r"));
    return r * (static_cast<double>(site.in) * kernel + static_cast<double>(site.out)) < weight;
  };
  m.make = make_lora;
  // peft 0.21 hands kernel, stride and padding to A, but neither dilation nor the padding mode.
  m.peft_serves = [](const nn::Site& site) {
    return site.kind == nn::SeamKind::linear ||
           (site.dilation == std::array<int64_t, 2>{1, 1} && site.padding_mode == "zeros");
  };
  m.peft_config = peft_config;
  m.peft_options = peft_options;
  m.peft_export = peft_export;
  m.peft_import = peft_import;
  return m;
}

}  // namespace graft::peft
