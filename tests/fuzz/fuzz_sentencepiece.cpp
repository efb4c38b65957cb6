// Seeds: *.model
#include <cstddef>
#include <cstdint>
#include <string>

#include "graft/base/error.h"
#include "graft/text/formats/formats.h"
#include "graft/text/tokenizer.h"

/// A model of sentencepiece or a vocabulary of tiktoken made of any bytes; its own bytes are the
/// text that is encoded.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace graft::texts;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::string text = "Hello, w\xc3\xb6rld  " + bytes.substr(bytes.size() / 2, 300);
  for (const auto parts : {parts_of_sentencepiece, parts_of_tiktoken}) {
    try {
      const Tokenizer tokenizer(parts(bytes, "fuzz", {}));
      const Encoding encoding = tokenizer.encode(text);
      tokenizer.decode(encoding.ids);
      if (tokenizer.encode(text, {.ids_only = true}).ids != encoding.ids) __builtin_trap();
    } catch (const graft::Error&) {
      continue;
    }
  }
  return 0;
}
