#include "graft/models/decoder_family.h"

namespace graft::models {

Family gemma() {
  return decoder_family("gemma", "Gemma", "Gemma Team 2024, arXiv:2403.08295", "Gemma",
                        [](DecoderSettings& s, const Json& c) { as_gemma(s, c); });
}

}  // namespace graft::models
