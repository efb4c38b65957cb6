#include "graft/models/decoder_family.h"

namespace graft::models {

Family llama() {
  return decoder_family("llama", "Llama 1 to 3, SmolLM, TinyLlama",
                        "Touvron et al. 2023, arXiv:2302.13971", "Llama",
                        [](DecoderSettings&, const Json&) {});
}

}  // namespace graft::models
