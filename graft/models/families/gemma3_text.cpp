#include "graft/models/decoder_family.h"

namespace graft::models {

Family gemma3_text() {
  Family f =
      decoder_family("gemma3_text", "Gemma 3, its text part", "Gemma Team 2025, arXiv:2503.19786",
                     "Gemma3", [](DecoderSettings& s, const Json& c) {
                       as_gemma(s, c);
                       s.outer_norms = s.head_norms = s.ropes_by_kind = true;
                       s.logit_cap = config_number(c, "final_logit_softcapping", 0);
                       if (c.contains("layer_types")) return;
                       const auto every = static_cast<size_t>(
                           std::max<int64_t>(1, config_integer(c, "sliding_window_pattern", 6)));
                       for (size_t i = 0; i < s.sliding.size(); ++i)
                         s.sliding[i] = (i + 1) % every != 0;
                     });
  f.architectures = usual_architectures("Gemma3Text", {Task::classes, Task::embedding});
  f.architectures[Task::next_token] = "Gemma3ForCausalLM";
  return f;
}

}  // namespace graft::models
