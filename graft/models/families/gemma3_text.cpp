#include "graft/base/error.h"
#include "graft/models/decoder_family.h"

namespace graft::models {

Family gemma3_text() {
  Family f =
      decoder_family("gemma3_text", "Gemma 3, its text part", "Gemma Team 2025, arXiv:2503.19786",
                     "Gemma3", [](DecoderSettings& s, const Json& c) {
                       if (config_flag(c, "use_bidirectional_attention", false)) {
                         fail_unreadable(
                             "config.json: use_bidirectional_attention (EmbeddingGemma): graft has "
                             "Gemma 3 as it reads from left to right only");
                       }
                       as_gemma(s, c);
                       s.outer_norms = s.head_norms = s.ropes_by_kind = true;
                       s.logit_cap = config_number(c, "final_logit_softcapping", 0);
                       if (c.contains("layer_types")) return;
                       const auto every = static_cast<size_t>(
                           std::max<int64_t>(1, config_integer(c, "sliding_window_pattern", 6)));
                       for (size_t i = 0; i < s.sliding.size(); ++i)
                         s.sliding[i] = (i + 1) % every != 0;
                     });
  f.defaults = {{"hidden_size", 2304},
                {"num_hidden_layers", 26},
                {"num_attention_heads", 8},
                {"intermediate_size", 9216},
                {"vocab_size", 262208},
                {"num_key_value_heads", 4},
                {"head_dim", 256},
                {"hidden_activation", "gelu_pytorch_tanh"},
                {"query_pre_attn_scalar", 256},
                {"sliding_window", 4096},
                {"rope_theta", 1e6},
                {"rope_local_base_freq", 1e4}};
  f.architectures = usual_architectures("Gemma3Text", {Task::classes, Task::embedding});
  f.architectures[Task::next_token] = "Gemma3ForCausalLM";
  return f;
}

}  // namespace graft::models
