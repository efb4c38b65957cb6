#include "graft/models/decoder_family.h"

namespace graft::models {

Family mistral() {
  return decoder_family("mistral", "Mistral", "Jiang et al. 2023, arXiv:2310.06825", "Mistral",
                        [](DecoderSettings& s, const Json& c) {
                          s.qkv_bias = s.output_bias = false;
                          if (!c.contains("layer_types"))
                            s.sliding.assign(s.sliding.size(), s.window > 0);
                        });
}

}  // namespace graft::models
