#include "graft/models/bert_stem.h"
#include "graft/models/classifier.h"
#include "graft/models/family.h"
#include "graft/models/masked_token.h"
#include "graft/models/post_norm_layer.h"
#include "graft/models/task_head.h"

namespace graft::models {
namespace {

/// The config's own names, in BERT's.
Json as_bert(const Json& c) {
  static const std::pair<const char*, const char*> names[] = {
      {"dim", "hidden_size"},
      {"n_heads", "num_attention_heads"},
      {"n_layers", "num_hidden_layers"},
      {"hidden_dim", "intermediate_size"},
      {"activation", "hidden_act"},
      {"dropout", "hidden_dropout_prob"},
      {"attention_dropout", "attention_probs_dropout_prob"}};
  Json bert = {{"hidden_size", 768},
               {"num_attention_heads", 12},
               {"num_hidden_layers", 6},
               {"intermediate_size", 3072},
               {"layer_norm_eps", 1e-12}};
  for (const char* same : {"vocab_size", "max_position_embeddings"}) {
    if (c.contains(same)) bert[same] = c[same];
  }
  for (const auto& [name, bert_name] : names) {
    if (c.contains(name)) bert[bert_name] = c[name];
  }
  return bert;
}

void add_sample_head(Model& model, const PostNormSettings& s, int64_t classes) {
  model.add<FeatureDense>("dense", Span::head, "pre_classifier", s.width, nn::Activation::relu,
                          0.0);
  add_classifier(model, "classifier", s.width, classes,
                 config_number(model.config(), "seq_classif_dropout", 0.2));
}

MaskedHead masked_head(const PostNormSettings& s) {
  return {{"vocab_transform", "vocab_layer_norm", s.width, s.width, s.activation, s.eps},
          "vocab_projector",
          "vocab_projector"};
}

void build(Model& model, int64_t classes) {
  const Json& c = model.config();
  PostNormSettings s(as_bert(c));
  s.attention = "attention";
  s.qkv = {"q_lin", "k_lin", "v_lin"};
  s.attention_out = "attention.out_lin";
  s.first_norm = "sa_layer_norm";
  s.inner_dense = "ffn.lin1";
  s.outer_dense = "ffn.lin2";
  s.second_norm = "output_layer_norm";
  auto& stem = model.add<BertStem>(
      "stem", Span::backbone, "distilbert.embeddings",
      BertStemSettings{s.vocabulary, s.positions, 0, s.width, s.eps, s.dropout});
  for (int64_t i = 0; i < s.layers; ++i) {
    std::optional<TowerEnd> end;
    if (i + 1 == s.layers) end = tower_end(model, Pooling::first);
    model.add<TokenBlock<PostNormLayer>>(fmt::format("block {}", i), Span::backbone,
                                         fmt::format("distilbert.transformer.layer.{}", i), end, s);
  }
  add_head(model,
           {{Task::classes, [&] { add_sample_head(model, s, classes); }},
            {Task::token_classes,
             [&] { add_token_classifier(model, "classifier", s.width, classes, s.dropout); }},
            {Task::masked_token, [&] { add_masked_head(model, masked_head(s), stem.words()); }}});
}

}  // namespace

Family distilbert() {
  Family f;
  f.name = "distilbert";
  f.summary = "DistilBERT";
  f.source = "Sanh et al. 2019, arXiv:1910.01108";
  f.content = Content::text;
  f.model_types = {"distilbert"};
  f.architectures = encoder_architectures("DistilBert");
  f.base_prefix = "distilbert.";
  f.build = build;
  f.init = init_text_tower;
  return f;
}

}  // namespace graft::models
