// Seeds: *.json
#include <cstddef>
#include <cstdint>
#include <string>

#include "graft/base/error.h"
#include "graft/text/tokenizer.h"

namespace {

using namespace graft::texts;

/// Lists are equally long, offsets lie inside of the text, decoding any ids is fine.
void check(const Tokenizer& tokenizer, const std::string& text) {
  const Encoding all = tokenizer.encode(text);
  const size_t count = all.size();
  if (all.tokens.size() != count || all.offsets.size() != count || all.words.size() != count ||
      all.type_ids.size() != count || all.special_tokens_mask.size() != count)
    __builtin_trap();
  tokenizer.decode(all.ids);
  tokenizer.decode(all.ids, false);
  tokenizer.encode(
      text, text,
      {.add_special = false, .parse_special = false, .offsets = OffsetUnit::characters});
  if (tokenizer.encode(text, {.ids_only = true}).ids != all.ids) __builtin_trap();
}

}  // namespace

/// A tokenizer.json made of any bytes, and behind the first byte 0xff a text for it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\xff');
  const std::string text = end == std::string::npos
                               ? "Hello, w\xc3\xb6rld \xf0\x9f\x98\x80 12 \xe2\x96\x81"
                               : input.substr(end + 1);
  try {
    const Tokenizer tokenizer = Tokenizer::from_json(input.substr(0, end), "fuzz");
    check(tokenizer, text);
  } catch (const graft::Error&) {
    return 0;
  }
  return 0;
}
