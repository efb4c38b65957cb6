#include "graft/models/bert_stem.h"
#include "graft/models/classifier.h"
#include "graft/models/family.h"
#include "graft/models/masked_token.h"
#include "graft/models/post_norm_layer.h"
#include "graft/models/task_head.h"

namespace graft::models {
namespace {

void add_sample_head(Model& model, const PostNormSettings& s, int64_t classes, double dropout) {
  model.add<FeatureDense>("dense", Span::head, "classifier.dense", s.width, nn::Activation::tanh,
                          dropout);
  add_classifier(model, "classifier.out_proj", s.width, classes, dropout);
}

/// Its activation is gelu, whatever the layers have.
MaskedHead masked_head(const PostNormSettings& s) {
  return {{"lm_head.dense", "lm_head.layer_norm", s.width, s.width, nn::Activation::gelu, s.eps},
          "lm_head.decoder",
          "lm_head"};
}

void build(Model& model, int64_t classes) {
  const Json& c = model.config();
  const PostNormSettings s(c);
  BertStemSettings embeddings{s.vocabulary, s.positions, config_integer(c, "type_vocab_size", 1),
                              s.width,      s.eps,       s.dropout};
  embeddings.first_position = config_integer(c, "pad_token_id", 1) + 1;
  auto& stem = model.add<BertStem>("stem", Span::backbone, "roberta.embeddings", embeddings);
  for (int64_t i = 0; i < s.layers; ++i) {
    std::optional<TowerEnd> end;
    if (i + 1 == s.layers) end = tower_end(model, Pooling::first);
    model.add<TokenBlock<PostNormLayer>>(fmt::format("block {}", i), Span::backbone,
                                         fmt::format("roberta.encoder.layer.{}", i), end, s);
  }
  const double dropout = config_number(c, "classifier_dropout", s.dropout);
  add_head(model,
           {{Task::classes, [&] { add_sample_head(model, s, classes, dropout); }},
            {Task::token_classes,
             [&] { add_token_classifier(model, "classifier", s.width, classes, dropout); }},
            {Task::masked_token, [&] { add_masked_head(model, masked_head(s), stem.words()); }}});
}

}  // namespace

Family roberta() {
  Family f;
  f.name = "roberta";
  f.summary = "RoBERTa and XLM-RoBERTa";
  f.source = "Liu et al. 2019, arXiv:1907.11692";
  f.content = Content::text;
  f.model_types = {"roberta", "xlm-roberta"};
  f.class_prefixes = {{"xlm-roberta", "XLM"}};
  f.defaults = {{"type_vocab_size", 2}, {"pad_token_id", 1}};
  f.architectures = encoder_architectures("Roberta");
  f.base_prefix = "roberta.";
  f.read = old_norm_names();
  f.build = build;
  f.init = init_text_tower;
  return f;
}

}  // namespace graft::models
