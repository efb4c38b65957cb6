#include "graft/models/decoder_family.h"

namespace graft::models {

Family gemma2() {
  Family f = decoder_family("gemma2", "Gemma 2", "Gemma Team 2024, arXiv:2408.00118", "Gemma2",
                            [](DecoderSettings& s, const Json& c) {
                              as_gemma(s, c);
                              s.outer_norms = true;
                              s.soft_cap = config_number(c, "attn_logit_softcapping", 0);
                              s.logit_cap = config_number(c, "final_logit_softcapping", 0);
                              if (c.contains("layer_types")) return;
                              for (size_t i = 0; i < s.sliding.size(); ++i)
                                s.sliding[i] = i % 2 == 0;
                            });
  f.defaults = {{"hidden_size", 2304},
                {"num_hidden_layers", 26},
                {"num_attention_heads", 8},
                {"intermediate_size", 9216},
                {"vocab_size", 256000},
                {"num_key_value_heads", 4},
                {"head_dim", 256},
                {"hidden_activation", "gelu_pytorch_tanh"},
                {"query_pre_attn_scalar", 256},
                {"sliding_window", 4096},
                {"attn_logit_softcapping", 50.0},
                {"final_logit_softcapping", 30.0}};
  return f;
}

}  // namespace graft::models
