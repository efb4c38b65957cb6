#include "graft/models/decoder_family.h"

namespace graft::models {

Family gemma2() {
  return decoder_family("gemma2", "Gemma 2", "Gemma Team 2024, arXiv:2408.00118", "Gemma2",
                        [](DecoderSettings& s, const Json& c) {
                          as_gemma(s, c);
                          s.outer_norms = true;
                          s.soft_cap = config_number(c, "attn_logit_softcapping", 0);
                          s.logit_cap = config_number(c, "final_logit_softcapping", 0);
                          if (c.contains("layer_types")) return;
                          for (size_t i = 0; i < s.sliding.size(); ++i) s.sliding[i] = i % 2 == 0;
                        });
}

}  // namespace graft::models
