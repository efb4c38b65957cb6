#include <torch/types.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <memory>

#include "graft/base/error.h"
#include "graft/models/bert_stem.h"
#include "graft/models/classifier.h"
#include "graft/models/family.h"
#include "graft/models/masked_token.h"
#include "graft/models/post_norm_layer.h"
#include "graft/models/task_head.h"
#include "graft/nn/conv.h"
#include "graft/nn/disentangled_attention.h"
#include "graft/nn/dropout.h"
#include "graft/nn/sequences.h"

namespace graft::models {
namespace {

constexpr const char* kConvolution = "deberta.encoder.conv.conv.weight";
constexpr const char* kLegacy = "legacy";
constexpr const char* kHeadOfV3 = "lm_predictions.lm_head";
constexpr int64_t kMaxSpan = 65536;

/// The config with what it leaves out, where DeBERTa's defaults are not BERT's.
Json complete(const Json& c) {
  Json all = {{"vocab_size", 128100},      {"hidden_size", 1536},       {"num_hidden_layers", 24},
              {"num_attention_heads", 24}, {"intermediate_size", 6144}, {"layer_norm_eps", 1e-7}};
  all.update(c);
  return all;
}

/// What a config lists as ["p2c", "c2p"] or "p2c|c2p".
std::vector<std::string> list_of(const Json& c, const std::string& key) {
  std::vector<std::string> words;
  const Json value = c.value(key, Json());
  if (value.is_null()) return words;
  if (value.is_array()) {
    for (const Json& word : value) words.push_back(config_text({{key, word}}, key, ""));
    return words;
  }
  std::string word;
  for (const char letter : config_text(c, key, "") + "|") {
    if (letter == '|') {
      if (!word.empty()) words.push_back(word);
      word.clear();
    } else if (letter != ' ') {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    }
  }
  return words;
}

/// A number for which configs say -1 where there is none: 0.
int64_t count_of(const Json& c, const std::string& key) {
  const Json value = c.value(key, Json());
  const bool none = value.is_number_integer() && value.get<int64_t>() == -1;
  return none ? 0 : config_integer(c, key, 0);
}

struct Settings {
  explicit Settings(const Json& c) : layer(complete(c)) {
    layer.qkv = {"query_proj", "key_proj", "value_proj"};
    relative = config_flag(c, "relative_attention", false);
    shared = config_flag(c, "share_att_key", false);
    for (const std::string& kind : list_of(c, "pos_att_type")) {
      if (kind != "c2p" && kind != "p2c")
        fail_unreadable("config.json: pos_att_type may name c2p and p2c, got '{}'", kind);
      (kind == "c2p" ? c2p : p2c) = true;
    }
    const auto norms = list_of(c, "norm_rel_ebd");
    normed = std::find(norms.begin(), norms.end(), "layer_norm") != norms.end();
    buckets = count_of(c, "position_buckets");
    reach = count_of(c, "max_relative_positions");
    if (reach < 1) reach = layer.positions;
    const int64_t span = buckets > 0 ? buckets : reach;
    if (relative && (span > kMaxSpan || (buckets > 0 && (buckets < 2 || reach - 1 <= buckets / 2))))
      fail_unreadable(
          "config.json: position_buckets {} and max_relative_positions {} cannot be: there are at "
          "most {} rows of each direction, and half of the buckets are below the largest distance",
          buckets, reach, kMaxSpan);
    const int64_t head = layer.width / layer.heads;
    if (config_integer(c, "attention_head_size", head) != head)
      fail_unreadable(
          "config.json: attention_head_size must be hidden_size / "
          "num_attention_heads = {}, got {}",
          head, config_integer(c, "attention_head_size", head));
    kernel = config_integer(c, "conv_kernel_size", 0);
    groups = config_integer(c, "conv_groups", 1);
    if (kernel > 0 && (kernel % 2 == 0 || kernel > 255 || groups < 1 || layer.width % groups != 0))
      fail_unreadable(
          "config.json: conv_kernel_size {} must be odd and at most 255, and "
          "conv_groups {} divide hidden_size {}",
          kernel, groups, layer.width);
    rule.heads = layer.heads;
    rule.scale = 1 / std::sqrt(static_cast<double>(head * (1 + (c2p ? 1 : 0) + (p2c ? 1 : 0))));
    rule.dropout = layer.attention_dropout;
  }

  PostNormSettings layer;
  bool relative;  // the scores know positions
  bool shared;    // relative positions use the projections of tokens
  bool c2p = false, p2c = false, normed;
  int64_t buckets, reach;
  int64_t kernel, groups;
  nn::DisentangledAttention rule;
};

/// The embeddings of relative positions, which all layers share. Each normalises the rows that the
/// texts read anew: they are few.
class RelativeTable {
 public:
  RelativeTable(const nn::Scope& scope, const Settings& s)
      : positions_(s.buckets, s.reach), table_(at::zeros({2 * positions_.span(), s.layer.width})) {
    (scope / "rel_embeddings").add("weight", table_, nn::Role::embedding);
    if (!s.normed) return;
    norm_ = std::make_unique<nn::LayerNorm>(scope / "LayerNorm", s.layer.width, s.layer.eps);
  }
  nn::RelativeRows rows(const TokenRows& rows) const {
    const int64_t longest = rows.lengths.max().item<int64_t>();
    return positions_.rows(longest, rows.wanted.defined() ? 1 : longest);
  }
  at::Tensor operator()(const nn::RelativeRows& rows, const at::Tensor& like) {
    const at::Tensor x = table_.narrow(0, rows.first, rows.count);
    return (norm_ ? (*norm_)(x) : x).to(like.scalar_type());
  }

 private:
  nn::RelativePositions positions_;
  at::Tensor table_;  // no seam: it is read by ranges, and peft's adapters do not act there either
  std::unique_ptr<nn::LayerNorm> norm_;
};

/// The first layer's second branch in the larger v2 models: a convolution over the tokens of each
/// text, norm(y + activation(conv(x))).
class Convolution {
 public:
  Convolution(const nn::Scope& scope, const Settings& s, nn::Activation activation)
      : conv_(scope / "conv", options(s)),
        norm_(scope / "LayerNorm", s.layer.width, s.layer.eps),
        activation_(activation),
        dropout_(s.layer.dropout) {}

  at::Tensor operator()(const at::Tensor& x, const at::Tensor& y, const TokenRows& rows,
                        const nn::Context& context) const {
    // All texts in one line, so far apart that no window sees two.
    const int64_t gap = conv_.options().padding[1];
    const at::Tensor places =
        nn::sequence_of_rows(rows.lengths).mul_(gap).add_(at::arange(x.size(0))).to(x.device());
    const int64_t length = x.size(0) + gap * (rows.lengths.size(0) - 1);
    const at::Tensor line = at::zeros({length, x.size(1)}, x.options()).index_copy(0, places, x);
    const at::Tensor z = conv_(line.view({1, 1, length, x.size(1)}).permute({0, 3, 1, 2}))
                             .permute({0, 2, 3, 1})
                             .reshape({length, x.size(1)})
                             .index_select(0, places);
    return norm_(y + nn::activate(activation_, nn::dropout(rows.pick(z), dropout_, context)));
  }

 private:
  static nn::ConvOptions options(const Settings& s) {
    nn::ConvOptions o;
    o.in = o.out = s.layer.width;
    o.kernel = {1, s.kernel};
    o.padding = {0, s.kernel / 2};
    o.groups = s.groups;
    o.bias = true;
    return o;
  }
  nn::Conv2d conv_;
  nn::LayerNorm norm_;
  nn::Activation activation_;
  double dropout_;
};

/// A layer of BERT with disentangled attention; `table` and `convolution` may be null.
class Layer {
 public:
  Layer(const nn::Scope& scope, const Settings& s, std::shared_ptr<RelativeTable> table,
        std::shared_ptr<const Convolution> convolution)
      : settings_(s),
        table_(std::move(table)),
        convolution_(std::move(convolution)),
        layer_(scope, s.layer),
        keys_(own(scope, s, s.c2p, "pos_key_proj")),
        queries_(own(scope, s, s.p2c, "pos_query_proj")) {}

  at::Tensor operator()(const at::Tensor& x, const TokenRows& rows,
                        const nn::Context& context) const {
    const nn::RelativeTerms terms = terms_for(x, rows, context);
    const at::Tensor some = rows.wanted.defined() ? at::ones_like(rows.lengths) : at::Tensor();
    const at::Tensor y = layer_(x, rows, context,
                                [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
                                  return nn::attend_disentangled(q, k, v, rows.lengths, terms,
                                                                 settings_.rule, context, some);
                                });
    return convolution_ ? (*convolution_)(x, y, rows, context) : y;
  }

 private:
  static std::unique_ptr<nn::Linear> own(const nn::Scope& scope, const Settings& s, bool used,
                                         const std::string& name) {
    if (!s.relative || s.shared || !used) return nullptr;
    return std::make_unique<nn::Linear>(scope / s.layer.attention / name, s.layer.width,
                                        s.layer.width);
  }
  nn::RelativeTerms terms_for(const at::Tensor& x, const TokenRows& rows,
                              const nn::Context& context) const {
    nn::RelativeTerms terms;
    if (!table_) {
      const int64_t longest = rows.lengths.max().item<int64_t>();
      terms.rows = nn::RelativePositions(0, 1).rows(longest, rows.wanted.defined() ? 1 : longest);
      return terms;
    }
    terms.rows = table_->rows(rows);
    const at::Tensor r = nn::dropout((*table_)(terms.rows, x), settings_.layer.dropout, context);
    if (settings_.c2p) terms.keys = (keys_ ? *keys_ : layer_.projections().member(1))(r);
    if (settings_.p2c) terms.queries = (queries_ ? *queries_ : layer_.projections().member(0))(r);
    return terms;
  }

  Settings settings_;
  std::shared_ptr<RelativeTable> table_;
  std::shared_ptr<const Convolution> convolution_;
  PostNormLayer layer_;
  std::unique_ptr<nn::Linear> keys_, queries_;
};

BertStemSettings stem_of(const Json& c, const Settings& s) {
  BertStemSettings stem{s.layer.vocabulary,
                        config_flag(c, "position_biased_input", true) ? s.layer.positions : 0,
                        config_integer(c, "type_vocab_size", 0),
                        s.layer.width,
                        s.layer.eps,
                        s.layer.dropout};
  stem.table_width = config_integer(c, "embedding_size", s.layer.width);
  if (stem.table_width < 1 || stem.table_width > 65536) {
    fail_unreadable("config.json: embedding_size must be from 1 to 65,536, got {}",
                    stem.table_width);
  }
  return stem;
}

void add_sample_head(Model& model, const Settings& s, int64_t classes) {
  const Json& c = model.config();
  const int64_t width = s.layer.width;
  if (config_integer(c, "pooler_hidden_size", width) != width)
    fail_unreadable("config.json: pooler_hidden_size must be hidden_size = {}, got {}", width,
                    config_integer(c, "pooler_hidden_size", width));
  model.add<FeatureDense>("pooler", Span::head, "pooler.dense", width,
                          nn::parse_activation(config_text(c, "pooler_hidden_act", "gelu"),
                                               "config.json: pooler_hidden_act"),
                          config_number(c, "pooler_dropout", 0));
  add_classifier(model, "classifier", width, classes,
                 config_number(c, "cls_dropout", s.layer.dropout));
}

/// Of the library, or with "legacy": false that of the published models of version 3.
MaskedHead masked_head(const Json& c, const Settings& s, int64_t table_width) {
  const bool legacy = config_flag(c, kLegacy, true);
  if (!legacy && table_width != s.layer.width)
    fail_unreadable(
        "config.json: with \"legacy\": false, embedding_size must be hidden_size = {}, got {}",
        s.layer.width, table_width);
  const std::string path = legacy ? "cls.predictions" : kHeadOfV3;
  const std::string transform = legacy ? path + ".transform" : path;
  return {{transform + ".dense", transform + ".LayerNorm", s.layer.width, table_width,
           s.layer.activation, s.layer.eps},
          path + ".decoder",
          path};
}

/// The published files have a head that their configs do not mention.
void find_head(Checkpoint& checkpoint) {
  if (checkpoint.config.contains(kLegacy)) return;
  if (checkpoint.tensors.contains(std::string(kHeadOfV3) + ".dense.weight"))
    checkpoint.config[kLegacy] = false;
}

void build(Model& model, int64_t classes) {
  const Json& c = model.config();
  const Settings s(c);
  // The table is of the lowest block: whatever learns it has the layers that read it above.
  const nn::Scope encoder(model.registry(), "deberta.encoder", model.size());
  const auto table = s.relative ? std::make_shared<RelativeTable>(encoder, s) : nullptr;
  const BertStemSettings embeddings = stem_of(c, s);
  auto& stem = model.add<BertStem>("stem", Span::backbone, "deberta.embeddings", embeddings);
  for (int64_t i = 0; i < s.layer.layers; ++i) {
    std::optional<TowerEnd> end;
    if (i + 1 == s.layer.layers) end = tower_end(model, Pooling::first);
    std::shared_ptr<const Convolution> convolution;
    if (i == 0 && s.kernel > 0) {
      convolution = std::make_shared<const Convolution>(
          nn::Scope(model.registry(), "deberta.encoder.conv", model.size()), s,
          nn::parse_activation(config_text(c, "conv_act", "tanh"), "config.json: conv_act"));
    }
    model.add<TokenBlock<Layer>>(fmt::format("block {}", i), Span::backbone,
                                 fmt::format("deberta.encoder.layer.{}", i), end, s, table,
                                 convolution);
  }
  const int64_t table_width = embeddings.table_width;
  add_head(model,
           {{Task::classes, [&] { add_sample_head(model, s, classes); }},
            {Task::token_classes,
             [&] {
               add_token_classifier(model, "classifier", s.layer.width, classes, s.layer.dropout);
             }},
            {Task::masked_token,
             [&] { add_masked_head(model, masked_head(c, s, table_width), stem.words()); }}});
}

/// Files have one dimension less: a convolution over a line.
void change_convolution(io::TensorMap& tensors, bool to_file) {
  io::TensorMap changed;
  for (const auto& [name, t] : tensors) {
    const bool other = name == kConvolution && t.dim() == (to_file ? 4 : 3);
    changed.add(name, !other ? t : to_file ? t.squeeze(2) : t.unsqueeze(2));
  }
  tensors = std::move(changed);
}

}  // namespace

Family deberta_v2() {
  Family f;
  f.name = "deberta_v2";
  f.summary = "DeBERTa of the versions 2 and 3, and mDeBERTa";
  f.source = "He et al. 2020, arXiv:2006.03654; 2021, arXiv:2111.09543";
  f.content = Content::text;
  f.model_types = {"deberta-v2"};
  f.architectures = encoder_architectures("DebertaV2");
  f.base_prefix = "deberta.";
  f.read = old_norm_names();
  f.goes_further = [](const Json& config) {
    return config_flag(config, "relative_attention", false) &&
           !config_flag(config, "position_biased_input", true);
  };
  f.build = build;
  f.init = init_text_tower;
  f.complete = find_head;
  f.unpack = [](io::TensorMap& tensors) { change_convolution(tensors, false); };
  f.pack = [](io::TensorMap& tensors) { change_convolution(tensors, true); };
  return f;
}

}  // namespace graft::models
