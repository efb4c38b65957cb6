#include "graft/models/bert_stem.h"
#include "graft/models/classifier.h"
#include "graft/models/family.h"
#include "graft/models/masked_token.h"
#include "graft/models/post_norm_layer.h"
#include "graft/models/task_head.h"

namespace graft::models {
namespace {

void add_sample_head(Model& model, const PostNormSettings& s, int64_t classes, double dropout) {
  // The pooler was made for the first token.
  if (pooling_of(model.config(), Pooling::first) == Pooling::first) {
    model.add<FeatureDense>("pooler", Span::head, "bert.pooler.dense", s.width,
                            nn::Activation::tanh, 0.0);
  }
  add_classifier(model, "classifier", s.width, classes, dropout);
}

MaskedHead masked_head(const PostNormSettings& s) {
  const std::string path = "cls.predictions";
  return {{path + ".transform.dense", path + ".transform.LayerNorm", s.width, s.width, s.activation,
           s.eps},
          path + ".decoder",
          path};
}

void build(Model& model, int64_t classes) {
  const Json& c = model.config();
  const PostNormSettings s(c);
  auto& stem = model.add<BertStem>(
      "stem", Span::backbone, "bert.embeddings",
      BertStemSettings{s.vocabulary, s.positions, config_integer(c, "type_vocab_size", 2), s.width,
                       s.eps, s.dropout});
  for (int64_t i = 0; i < s.layers; ++i) {
    std::optional<TowerEnd> end;
    if (i + 1 == s.layers) end = tower_end(model, Pooling::first);
    model.add<TokenBlock<PostNormLayer>>(fmt::format("block {}", i), Span::backbone,
                                         fmt::format("bert.encoder.layer.{}", i), end, s);
  }
  const double dropout = config_number(c, "classifier_dropout", s.dropout);
  add_head(model,
           {{Task::classes, [&] { add_sample_head(model, s, classes, dropout); }},
            {Task::token_classes,
             [&] { add_token_classifier(model, "classifier", s.width, classes, dropout); }},
            {Task::masked_token, [&] { add_masked_head(model, masked_head(s), stem.words()); }}});
}

}  // namespace

Family bert() {
  Family f;
  f.name = "bert";
  f.summary = "BERT, MiniLM and other encoders of its form";
  f.source = "Devlin et al. 2018, arXiv:1810.04805";
  f.content = Content::text;
  f.model_types = {"bert"};
  f.architectures = encoder_architectures("Bert");
  f.base_prefix = "bert.";
  f.build = build;
  f.init = init_text_tower;
  // Files of the first years have TensorFlow's names of the norm's tensors.
  f.read = old_norm_names();
  return f;
}

}  // namespace graft::models
