#include "graft/models/bert_stem.h"
#include "graft/models/classifier.h"
#include "graft/models/family.h"
#include "graft/models/post_norm_layer.h"

namespace graft::models {
namespace {

void build(Model& model, int64_t classes) {
  const Json& c = model.config();
  const PostNormSettings s(c);
  BertStemSettings stem{s.vocabulary, s.positions, config_integer(c, "type_vocab_size", 1),
                        s.width,      s.eps,       s.dropout};
  stem.first_position = config_integer(c, "pad_token_id", 1) + 1;
  model.add<BertStem>("stem", Span::backbone, "roberta.embeddings", stem);
  for (int64_t i = 0; i < s.layers; ++i) {
    std::optional<TowerEnd> end;
    if (i + 1 == s.layers) end = TowerEnd{pooling_of(c, Pooling::first), true, {}};
    model.add<TokenBlock<PostNormLayer>>(fmt::format("block {}", i), Span::backbone,
                                         fmt::format("roberta.encoder.layer.{}", i), end, s);
  }
  const double dropout = config_number(c, "classifier_dropout", s.dropout);
  model.add<FeatureDense>("dense", Span::head, "classifier.dense", s.width, nn::Activation::tanh,
                          dropout);
  add_classifier(model, "classifier.out_proj", s.width, classes, dropout);
}

}  // namespace

Family roberta() {
  Family f;
  f.name = "roberta";
  f.summary = "RoBERTa and XLM-RoBERTa";
  f.source = "Liu et al. 2019, arXiv:1907.11692";
  f.content = Content::text;
  f.model_types = {"roberta", "xlm-roberta"};
  f.architecture = "RobertaForSequenceClassification";
  f.base_prefix = "roberta.";
  f.build = build;
  f.init = init_text_tower;
  return f;
}

}  // namespace graft::models
