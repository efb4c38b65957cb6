#include <torch/types.h>

#include <cmath>

#include "graft/base/error.h"
#include "graft/peft/hf_fields.h"
#include "graft/peft/lora_adapter.h"
#include "graft/peft/method.h"
#include "graft/peft/modules.h"

namespace graft::peft {
namespace {

constexpr int64_t kMaxRank = 4096;
constexpr double kMaxDropout = 0.95;
constexpr int64_t kMaxPadded = int64_t{16} << 20;  ///< numbers in a zero-padded A, 64 MiB

std::vector<Option> lora_options() {
  return {
      integer("r", 8, "rank; of each group for grouped convolutions").between(1, kMaxRank),
      number("alpha", 16, "scale: the update is multiplied by alpha / r").at_least(0),
      number("dropout", 0.0, "dropout on the adapter's input; not of embeddings")
          .between(0, kMaxDropout),
      flag("rslora", false, "scale by alpha / sqrt(r) instead"),
      text("init", "kaiming", "how A is drawn; B is zero (of embeddings: A is zero, B is normal)")
          .one_of({"kaiming", "gaussian"}),
      any("target", "auto",
          "auto (each backbone layer where the adapter is smaller than the weight), all-linear, "
          "all, or a list of name endings, which may name embeddings (embed_tokens) and the output "
          "matrix of a language model (lm_head)"),
      list("modules_to_save", nullptr,
           "name endings of modules that learn whole beside the adapters, as peft's files have "
           "them: [embed_tokens]"),
  };
}

std::shared_ptr<nn::Adapter> new_lora(const nn::Site& site, const Options& options,
                                      const nn::Init& init) {
  const int64_t r = options.integer("r");
  LoraFactors factors = empty_factors(site, r);
  if (site.kind == nn::SeamKind::embedding) {
    factors.a.zero_();
    init.normal(site.path + ".lora_embedding_B", factors.b, 1);
    return make_lora(site, options, factors);
  }
  factors.b.zero_();
  // Kaiming uniform with a = sqrt(5), as peft draws it, is uniform within
  // 1/sqrt(fan_in).
  if (options.text("init") == "gaussian") {
    init.normal(site.path + ".lora_A", factors.a, 1.0 / static_cast<double>(r));
  } else {
    const auto fan_in = static_cast<double>(factors.a[0].numel());
    init.uniform(site.path + ".lora_A", factors.a, 1 / std::sqrt(fan_in));
  }
  return make_lora(site, options, factors);
}

bool serves(const nn::Site& site, const Options& options) {
  const Json& target = options.at("target");
  if (target.is_array()) return true;
  const bool conv = site.kind == nn::SeamKind::convolution;
  if (target == "all-linear") return !conv;
  if (target == "all") return true;
  const double kernel = static_cast<double>(site.kernel[0] * site.kernel[1]);
  const int64_t inputs = site.in / site.groups;
  const double weight = static_cast<double>(site.out * inputs) * kernel;
  const auto r = static_cast<double>(options.integer("r"));
  return r * (static_cast<double>(site.in) * kernel + static_cast<double>(site.out)) < weight;
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
  const auto [a_name, b_name] = lora_names(site.kind);
  layer.tensors.add(a_name, a.contiguous());
  layer.tensors.add(b_name, lora.b().detach().cpu());
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
  const auto [a_name, b_name] = lora_names(site.kind);
  for (const auto& [name, tensor] : tensors) {
    if (name == a_name || name == b_name) continue;
    fail_unreadable("{}: the tensor {} is not part of LoRA; known: {}, {}", where, name, a_name,
                    b_name);
  }
  std::vector<int64_t> a_shape{rank, site.in};
  std::vector<int64_t> b_shape{site.out, rank / g};
  if (site.kind == nn::SeamKind::convolution) {
    a_shape.insert(a_shape.end(), site.kernel.begin(), site.kernel.end());
    b_shape.insert(b_shape.end(), {1, 1});
  }
  at::Tensor from = read_tensor(tensors, a_name, a_shape, where);
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
  b.copy_(read_tensor(tensors, b_name, b_shape, where));
  return make_lora(site, options, {a, b});
}

}  // namespace

Method lora() {
  Method m;
  m.name = "lora";
  m.summary =
      "low-rank updates B·A beside frozen weights of linear layers, convolutions and embeddings";
  m.source = "Hu et al. 2021, arXiv:2106.09685; rsLoRA: Kalajdzievski 2023, arXiv:2312.03732";
  m.peft_type = "LORA";
  m.options = lora_options();
  m.serves = serves;
  m.make = new_lora;
  m.selects = [](const nn::Parameter& parameter, const Options& options) {
    return in_module(parameter.name, options.texts("modules_to_save"));
  };
  // peft 0.21 hands kernel, stride and padding to A, but neither dilation nor the padding mode.
  m.peft_serves = [](const nn::Site& site) {
    return site.kind != nn::SeamKind::convolution ||
           (site.dilation == std::array<int64_t, 2>{1, 1} && site.padding_mode == "zeros");
  };
  m.peft_config = peft_config;
  m.peft_options = peft_options;
  m.peft_export = peft_export;
  m.peft_import = peft_import;
  return m;
}

}  // namespace graft::peft
