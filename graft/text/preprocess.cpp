#include "graft/text/preprocess.h"

#include <algorithm>

namespace graft::texts {
namespace {

constexpr const char* kFiles[] = {"tokenizer.json",
                                  "tokenizer_config.json",
                                  "vocab.txt",
                                  "vocab.json",
                                  "merges.txt",
                                  "tokenizer.model",
                                  "spiece.model",
                                  "sentencepiece.bpe.model",
                                  "spm.model",
                                  "added_tokens.json",
                                  "chat_template.jinja",
                                  "chat_template.json",
                                  "special_tokens_map.json"};

}  // namespace

Tokens Preprocess::apply(std::string_view first, std::optional<std::string_view> second) const {
  const auto encode = [&](const EncodeOptions& options) {
    return second ? tokenizer->encode(first, *second, options) : tokenizer->encode(first, options);
  };
  // Only ids are several times as fast; what else is needed is that of the rare texts.
  Encoding encoding = encode({.ids_only = !second});
  const bool full = static_cast<int64_t>(encoding.size()) >= max_length;
  if (full && !second) encoding = encode({});
  Tokens tokens;
  tokens.ids.assign(encoding.ids.begin(), encoding.ids.end());
  if (tells_texts_apart) tokens.types.assign(encoding.type_ids.begin(), encoding.type_ids.end());
  while (unread_end && tokens.ids.size() > 1 && tokens.ids.back() == *unread_end)
    tokens.ids.pop_back();
  tokens.types.resize(tokens.ids.size(), 0);
  tokens.cut = full && !encoding.overflow.empty();
  return tokens;
}

std::vector<std::filesystem::path> Preprocess::files() const {
  std::vector<std::filesystem::path> found;
  for (const char* name : kFiles) {
    if (std::filesystem::exists(folder / name)) found.push_back(folder / name);
  }
  const auto use = folder / "generation_config.json";
  if (!found.empty() && std::filesystem::exists(use)) found.push_back(use);
  return found;
}

}  // namespace graft::texts
