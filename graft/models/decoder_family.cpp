#include "graft/models/decoder_family.h"

#include <cmath>

namespace graft::models {

Family decoder_family(const std::string& name, const std::string& summary,
                      const std::string& source, const std::string& prefix,
                      DecoderVariant variant) {
  Family f;
  f.name = name;
  f.summary = summary;
  f.source = source;
  f.content = Content::text;
  f.model_types = {name};
  f.architectures = usual_architectures(
      prefix, {Task::next_token, Task::classes, Task::token_classes, Task::embedding});
  f.base_prefix = "model.";
  f.build = [variant = std::move(variant)](Model& model, int64_t classes) {
    DecoderSettings settings(model.config());
    variant(settings, model.config());
    build_decoder(model, classes, settings);
  };
  f.init = init_text_tower;
  f.goes_further = [](const Json& /*config*/) { return true; };
  return f;
}

void slide_from_layer(DecoderSettings& s, const Json& c) {
  if (!config_flag(c, "use_sliding_window", false)) s.window = 0;
  if (c.contains("layer_types")) return;
  const auto first = static_cast<size_t>(config_integer(c, "max_window_layers", 28));
  for (size_t i = 0; i < s.sliding.size(); ++i) s.sliding[i] = s.window > 0 && i >= first;
}

void as_gemma(DecoderSettings& s, const Json& c) {
  s.gemma_norms = true;
  s.tied = config_flag(c, "tie_word_embeddings", true);
  // "gelu" of the first configs is the tanh form as well.
  if (s.activation == nn::Activation::gelu) s.activation = nn::Activation::gelu_tanh;
  s.embedding_scale = std::sqrt(static_cast<double>(s.width));
  if (c.contains("query_pre_attn_scalar"))
    s.attention_scale = 1 / std::sqrt(config_number(c, "query_pre_attn_scalar", 256));
}

}  // namespace graft::models
