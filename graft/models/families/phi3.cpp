#include "graft/models/decoder_family.h"

namespace graft::models {

Family phi3() {
  Family f = decoder_family("phi3", "Phi 3 and 4", "Abdin et al. 2024, arXiv:2404.14219", "Phi3",
                            [](DecoderSettings& s, const Json& c) {
                              s.packed = true;
                              s.qkv_bias = s.output_bias = false;
                              s.residual_dropout = config_number(c, "resid_pdrop", 0);
                              s.embedding_dropout = config_number(c, "embd_pdrop", 0);
                              if (!c.contains("layer_types"))
                                s.sliding.assign(s.sliding.size(), s.window > 0);
                            });
  f.defaults = {{"hidden_size", 3072},       {"num_hidden_layers", 32}, {"num_attention_heads", 32},
                {"intermediate_size", 8192}, {"vocab_size", 32064},     {"rms_norm_eps", 1e-5}};
  return f;
}

}  // namespace graft::models
