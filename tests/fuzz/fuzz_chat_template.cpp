// Seeds: *.jinja
#include <cstddef>
#include <cstdint>
#include <string>

#include "graft/base/error.h"
#include "graft/text/chat/mask.h"

/// Any bytes are a template, an error with a line, or refuse the conversation; what is rendered is
/// covered by its spans, and the mask lies within the text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace graft::texts;
  static const graft::Json messages = graft::Json::parse(R"([
    {"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Hé"}]},
    {"role": "assistant", "content": "", "reasoning": "hm", "tool_calls": [{"id": "a", "type": "function",
      "function": {"name": "now", "arguments": {"x": [1, 2.5, null, true]}}}]},
    {"role": "tool", "content": "12:00", "name": "now"}, {"role": "assistant", "content": "<think>\nx</think>Noon."}])");
  static const graft::Json tools =
      graft::Json::parse(R"([{"type": "function", "function": {"name": "now",
    "parameters": {"type": "object", "properties": {"x": {"type": "array", "enum": ["a"]}}}}}])");
  RenderOptions options;
  options.tools = tools;
  options.variables = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"n", 3}, {"text", "a b"}};
  options.max_bytes = size_t{1} << 20;
  options.max_work = size_t{16} << 20;
  try {
    const ChatTemplate chat(std::string(reinterpret_cast<const char*>(data), size), "fuzz");
    const Masked masked = trained_text(chat, messages, options);
    size_t at = 0;
    for (const SourceSpan& span : masked.rendered.spans) {
      if (span.begin != at || span.end <= at) __builtin_trap();
      at = span.end;
    }
    if (at != masked.rendered.text.size()) __builtin_trap();
    for (const TrainedTurn& turn : masked.turns) {
      size_t last = 0;
      for (const ByteRange& range : turn.ranges) {
        if (range.begin < last || range.end <= range.begin || range.end > at) __builtin_trap();
        last = range.end;
      }
    }
  } catch (const graft::Error&) {
  }
  return 0;
}
