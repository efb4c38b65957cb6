#include "graft/models/decoder_family.h"

namespace graft::models {

Family qwen3() {
  return decoder_family("qwen3", "Qwen 3", "Yang et al. 2025, arXiv:2505.09388", "Qwen3",
                        [](DecoderSettings& s, const Json& c) {
                          s.head_norms = true;
                          slide_from_layer(s, c);
                        });
}

}  // namespace graft::models
