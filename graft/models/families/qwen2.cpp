#include "graft/models/decoder_family.h"

namespace graft::models {

Family qwen2() {
  Family f = decoder_family("qwen2", "Qwen 2 and 2.5", "Yang et al. 2024, arXiv:2407.10671",
                            "Qwen2", [](DecoderSettings& s, const Json& c) {
                              s.qkv_bias = true;
                              s.output_bias = false;
                              slide_from_layer(s, c);
                            });
  f.defaults = {{"hidden_size", 4096},
                {"num_hidden_layers", 32},
                {"num_attention_heads", 32},
                {"intermediate_size", 22016},
                {"vocab_size", 151936}};
  return f;
}

}  // namespace graft::models
