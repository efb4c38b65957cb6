#include "graft/models/decoder_family.h"

namespace graft::models {

Family gemma() {
  Family f = decoder_family("gemma", "Gemma", "Gemma Team 2024, arXiv:2403.08295", "Gemma",
                            [](DecoderSettings& s, const Json& c) { as_gemma(s, c); });
  f.defaults = {{"hidden_size", 3072},       {"num_hidden_layers", 28},
                {"num_attention_heads", 16}, {"intermediate_size", 24576},
                {"vocab_size", 256000},      {"num_key_value_heads", 16},
                {"head_dim", 256},           {"hidden_act", "gelu_pytorch_tanh"}};
  return f;
}

}  // namespace graft::models
