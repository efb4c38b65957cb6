#include "graft/models/decoder_family.h"

namespace graft::models {

Family mistral() {
  Family f = decoder_family("mistral", "Mistral", "Jiang et al. 2023, arXiv:2310.06825", "Mistral",
                            [](DecoderSettings& s, const Json& c) {
                              s.qkv_bias = s.output_bias = false;
                              if (!c.contains("layer_types"))
                                s.sliding.assign(s.sliding.size(), s.window > 0);
                            });
  f.defaults = {{"hidden_size", 4096},       {"num_hidden_layers", 32},
                {"num_attention_heads", 32}, {"intermediate_size", 14336},
                {"vocab_size", 32000},       {"num_key_value_heads", 8},
                {"sliding_window", 4096}};
  return f;
}

}  // namespace graft::models
