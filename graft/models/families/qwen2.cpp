#include "graft/models/decoder_family.h"

namespace graft::models {

Family qwen2() {
  return decoder_family("qwen2", "Qwen 2 and 2.5", "Yang et al. 2024, arXiv:2407.10671", "Qwen2",
                        [](DecoderSettings& s, const Json& c) {
                          s.qkv_bias = true;
                          s.output_bias = false;
                          slide_from_layer(s, c);
                        });
}

}  // namespace graft::models
