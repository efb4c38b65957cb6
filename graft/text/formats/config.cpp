#include "graft/text/formats/formats.h"

#include <algorithm>
#include <charconv>

namespace graft::texts {
namespace {

constexpr const char* kPurposes[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                     "pad_token", "cls_token", "mask_token"};

AddedToken read_token(const Node& node, bool special) {
  AddedToken token;
  token.content = node.text("content");
  token.single_word = node.boolean("single_word", false);
  token.lstrip = node.boolean("lstrip", false);
  token.rstrip = node.boolean("rstrip", false);
  token.special = node.boolean("special", special);
  token.normalized = node.boolean("normalized", !token.special);
  return token;
}

std::optional<bool> flag_of(const Node& root, const char* key) {
  const auto found = root.find(key);
  if (!found) return std::nullopt;
  return found->boolean();
}

}  // namespace

TokenizerConfig read_tokenizer_config(const std::string& text, const std::string& where) {
  const TreeJson tree = parse_tree(text, where);
  const Node root(tree, where);
  TokenizerConfig config;
  config.tokenizer_class = root.text("tokenizer_class", "");
  for (const char* purpose : kPurposes) {
    const auto found = root.find(purpose);
    if (!found) continue;
    config.special_tokens[purpose] =
        found->json().is_object() ? found->text("content") : found->text();
  }
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    const auto list = root.find(key);
    if (!list || !(list->json().is_array() || list->json().is_object())) continue;
    for (const auto& [name, value] : list->json().items()) {
      if (value.is_string())
        config.more_special_tokens.push_back(value.template get<std::string>());
      else if (value.is_object() && value.contains("content") && value["content"].is_string())
        config.more_special_tokens.push_back(value["content"].template get<std::string>());
    }
  }
  if (const auto decoder = root.find("added_tokens_decoder")) {
    std::vector<std::pair<uint64_t, AddedToken>> tokens;
    for (const auto& [key, value] : decoder->object().items()) {
      uint64_t id = 0;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (error != std::errc() || end != key.data() + key.size())
        fail_unreadable("{}: '{}' is not an id", decoder->where(), key);
      tokens.emplace_back(id, read_token(Node(value, decoder->where() + "." + key), false));
    }
    std::ranges::sort(tokens, {}, [](const auto& entry) { return entry.first; });
    for (auto& [id, token] : tokens) config.added_tokens.push_back(std::move(token));
  }
  config.add_bos = flag_of(root, "add_bos_token");
  config.add_eos = flag_of(root, "add_eos_token");
  config.lowercase = flag_of(root, "do_lower_case");
  config.strip_accents = flag_of(root, "strip_accents");
  config.separate_cjk = flag_of(root, "tokenize_chinese_chars");
  config.clean_up_spaces = root.boolean("clean_up_tokenization_spaces", false);
  config.prefix_space = flag_of(root, "add_prefix_space");
  config.split_punctuation = flag_of(root, "split_by_punct");
  return config;
}

}  // namespace graft::texts
