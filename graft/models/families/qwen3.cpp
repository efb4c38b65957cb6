#include "graft/models/decoder_family.h"

namespace graft::models {

Family qwen3() {
  Family f = decoder_family("qwen3", "Qwen 3", "Yang et al. 2025, arXiv:2505.09388", "Qwen3",
                            [](DecoderSettings& s, const Json& c) {
                              s.head_norms = true;
                              slide_from_layer(s, c);
                            });
  f.defaults = {{"hidden_size", 4096},
                {"num_hidden_layers", 32},
                {"num_attention_heads", 32},
                {"intermediate_size", 22016},
                {"vocab_size", 151936},
                {"num_key_value_heads", 32},
                {"head_dim", 128}};
  return f;
}

}  // namespace graft::models
