#include "graft/models/decoder_head.h"

#include "graft/models/classifier.h"
#include "graft/models/family.h"
#include "graft/models/token_output.h"

namespace graft::models {
namespace {

/// As transformers' classes for tokens of decoders choose it.
double token_dropout(const Json& config) {
  return config_number(config, "classifier_dropout", config_number(config, "hidden_dropout", 0.1));
}

}  // namespace

TowerEnd decoder_end(Model& model, const DecoderHead& head) {
  if (model.task() == Task::next_token) return {};
  const nn::Scope scope(model.registry(), head.norm_path, model.size());
  return tower_end(model, Pooling::last, head.norm(scope));
}

void add_decoder_head(Model& model, int64_t classes, const DecoderHead& head, nn::Embedding* tied) {
  add_head(model,
           {{Task::next_token,
             [&] {
               const nn::Scope norm(model.registry(), head.norm_path, model.size());
               TokenOutput output{head.width, head.vocabulary, "lm_head", tied, "lm_head"};
               output.logit_cap = head.logit_cap;
               add_token_output(model, output, head.norm(norm));
             }},
            {Task::classes, [&] { add_classifier(model, "score", head.width, classes, 0, false); }},
            {Task::token_classes, [&] {
               add_token_classifier(model, head.token_classifier, head.width, classes,
                                    token_dropout(model.config()));
             }}});
}

}  // namespace graft::models
