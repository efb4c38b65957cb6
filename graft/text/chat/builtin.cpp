#include "graft/text/chat/builtin.h"

namespace graft::texts {
namespace {

// Content is a text or a list of parts, of which the texts count. Ends without a line end, so that
// what follows begins the output.
constexpr const char* kSaid = R"({%- macro said(message) -%}
{%- if message.content is string -%}
{{ message.content }}
{%- elif message.content -%}
{%- for part in message.content if part.text is defined -%}
{{ part.text }}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
)";

constexpr const char* kChatml = R"({%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\n' + said(message) + '<|im_end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<|im_start|>assistant\n' }}
{%- endif -%}
)";

constexpr const char* kLlama3 = R"({{- bos_token }}
{%- for message in messages -%}
{{ '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + said(message)|trim + '<|eot_id|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif -%}
)";

constexpr const char* kZephyr = R"({%- for message in messages -%}
{{ '<|' + message.role + '|>\n' + said(message) + eos_token|default('</s>', true) + '\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<|assistant|>\n' }}
{%- endif -%}
)";

constexpr const char* kGemma = R"({{- bos_token }}
{%- set ns = namespace(system='') -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{%- if not loop.first %}{{ raise_exception('only the first message can be of the system') }}{% endif -%}
{%- set ns.system = said(message)|trim + '\n\n' -%}
{%- else -%}
{{ '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) + '\n' + ns.system + said(message)|trim + '<end_of_turn>\n' }}
{%- set ns.system = '' -%}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<start_of_turn>model\n' }}
{%- endif -%}
)";

constexpr const char* kPhi3 = R"({%- for message in messages -%}
{{ '<|' + message.role + '|>\n' + said(message) + '<|end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<|assistant|>\n' }}
{%- endif -%}
)";

constexpr const char* kPhi4 = R"({%- for message in messages -%}
{{ '<|im_start|>' + message.role + '<|im_sep|>' + said(message) + '<|im_end|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<|im_start|>assistant<|im_sep|>' }}
{%- endif -%}
)";

constexpr const char* kMistral = R"({{- bos_token }}
{%- set ns = namespace(system='') -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{%- set ns.system = ns.system + said(message) + '\n\n' -%}
{%- elif message.role == 'user' -%}
{{ '[INST] ' + ns.system + said(message) + ' [/INST]' }}
{%- set ns.system = '' -%}
{%- elif message.role == 'assistant' -%}
{{ ' ' + said(message) + eos_token|default('</s>', true) }}
{%- else -%}
{{ raise_exception('the roles are system, user and assistant, not ' + message.role) }}
{%- endif -%}
{%- endfor -%}
)";

constexpr const char* kLlama2 = R"({%- set ns = namespace(system='') -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{%- set ns.system = '<<SYS>>\n' + said(message) + '\n<</SYS>>\n\n' -%}
{%- elif message.role == 'user' -%}
{{ bos_token ~ '[INST] ' ~ (ns.system + said(message))|trim ~ ' [/INST]' }}
{%- set ns.system = '' -%}
{%- elif message.role == 'assistant' -%}
{{ ' ' + said(message)|trim + ' ' + eos_token|default('</s>', true) }}
{%- else -%}
{{ raise_exception('the roles are system, user and assistant, not ' + message.role) }}
{%- endif -%}
{%- endfor -%}
)";

constexpr const char* kAlpaca = R"({{- bos_token }}
{%- set preface = 'Below is an instruction that describes a task. Write a response that appropriately completes the request.' -%}
{%- if not messages or messages[0].role != 'system' %}{{ preface + '\n\n' }}{% endif -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{{ said(message) + '\n\n' }}
{%- elif message.role == 'user' -%}
{{ '### Instruction:\n' + said(message) + '\n\n' }}
{%- elif message.role == 'assistant' -%}
{{ '### Response:\n' + said(message) + eos_token|default('</s>', true) + '\n\n' }}
{%- else -%}
{{ raise_exception('the roles are system, user and assistant, not ' + message.role) }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '### Response:\n' }}
{%- endif -%}
)";

constexpr const char* kVicuna = R"({{- bos_token }}
{%- set preface = 'A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user\'s questions.' -%}
{%- if not messages or messages[0].role != 'system' %}{{ preface + ' ' }}{% endif -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{{ said(message) + ' ' }}
{%- elif message.role == 'user' -%}
{{ 'USER: ' + said(message) + ' ' }}
{%- elif message.role == 'assistant' -%}
{{ 'ASSISTANT: ' + said(message) + eos_token|default('</s>', true) }}
{%- else -%}
{{ raise_exception('the roles are system, user and assistant, not ' + message.role) }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ 'ASSISTANT:' }}
{%- endif -%}
)";

BuiltinTemplate entry(const char* name, const char* summary, const char* source, const char* text,
                      const char* end_of_turn) {
  BuiltinTemplate built;
  built.name = name;
  built.summary = summary;
  built.source = source;
  built.text = std::string(kSaid) + text;
  built.end_of_turn = end_of_turn;
  return built;
}

}  // namespace

// One line, and its text above, adds a template.
const std::vector<BuiltinTemplate>& builtin_templates() {
  static const std::vector<BuiltinTemplate> all{
      entry("chatml", "<|im_start|>role … <|im_end|>; Qwen, SmolLM2, Hermes and many others",
            "OpenAI ChatML, 2023", kChatml, "<|im_end|>"),
      entry("llama-2", "[INST] <<SYS>> … [/INST] with eos_token; no tools", "Llama 2, 2023",
            kLlama2, ""),
      entry("llama-3", "<|start_header_id|>role<|end_header_id|> … <|eot_id|>", "Llama 3, 2024",
            kLlama3, "<|eot_id|>"),
      entry("zephyr", "<|role|> … eos_token", "Zephyr 7B, 2023", kZephyr, ""),
      entry("gemma", "<start_of_turn>role … <end_of_turn>; a system message goes to the first user",
            "Gemma 1 to 3, 2024", kGemma, "<end_of_turn>"),
      entry("phi-3", "<|role|> … <|end|>", "Phi-3, 2024", kPhi3, "<|end|>"),
      entry("phi-4", "<|im_start|>role<|im_sep|> … <|im_end|>", "Phi-4, 2024", kPhi4, "<|im_end|>"),
      entry("mistral", "[INST] … [/INST] with eos_token; a system message goes to the next user",
            "Mistral 7B Instruct, 2023", kMistral, ""),
      entry("alpaca", "### Instruction: … ### Response: … with eos_token; no special tokens",
            "Stanford Alpaca, 2023", kAlpaca, ""),
      entry("vicuna", "USER: … ASSISTANT: … with eos_token; no special tokens", "Vicuna 1.1, 2023",
            kVicuna, ""),
  };
  return all;
}

ChatTemplate builtin_template(const std::string& name) {
  return {find_in(builtin_templates(), name, "chat template").text, name};
}

}  // namespace graft::texts
