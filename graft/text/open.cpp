#include <array>

#include "graft/base/files.h"
#include "graft/text/formats/formats.h"
#include "graft/text/tokenizer.h"
#include "graft/text/tokenizer_parts.h"

namespace graft::texts {
namespace {

namespace fs = std::filesystem;

/// tokenizer_config.json beside a file; empty when there is none.
TokenizerConfig config_beside(const fs::path& folder) {
  const fs::path path = folder / "tokenizer_config.json";
  if (!fs::exists(path)) return {};
  return read_tokenizer_config(read_file(path, kMaxTokenizerFile), path.string());
}

/// tokenizer.model is sentencepiece's, or tiktoken's in Llama 3: lines of base64 and a number.
bool is_tiktoken(const std::string& content) {
  const size_t end = content.find('\n');
  if (end == std::string::npos || end > 4096) return false;
  const std::string_view line(content.data(), end);
  return line.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \r") ==
             std::string_view::npos &&
         line.find(' ') != std::string_view::npos;
}

TokenizerParts open_file(const fs::path& path, const TokenizerConfig& config) {
  const std::string name = path.filename().string();
  const std::string content = read_file(path, kMaxTokenizerFile);
  if (name.ends_with(".json")) {
    if (name == "vocab.json")
      return parts_of_gpt2(content, read_file(path.parent_path() / "merges.txt", kMaxTokenizerFile),
                           path.string(), config);
    return parts_of_json(content, path.string());
  }
  if (name.ends_with(".txt")) return parts_of_bert(content, path.string(), config);
  if (is_tiktoken(content)) return parts_of_tiktoken(content, path.string(), config);
  if (name == "spm.model") return parts_of_deberta(content, path.string(), config);
  if (name == "sentencepiece.bpe.model")
    return parts_of_xlm_roberta(content, path.string(), config);
  if (name.ends_with(".model") || name.ends_with(".spm"))
    return parts_of_sentencepiece(content, path.string(), config);
  fail_unreadable(
      "{}: not a tokenizer that is known here; tokenizer.json, *.model (sentencepiece or "
      "tiktoken), "
      "vocab.json with merges.txt and vocab.txt are",
      path.string());
}

fs::path find_file(const fs::path& folder) {
  constexpr std::array<const char*, 8> kNames{
      "tokenizer.json", "tokenizer.model",     "spiece.model", "sentencepiece.bpe.model",
      "spm.model",      "sentencepiece.model", "vocab.json",   "vocab.txt"};
  for (const char* name : kNames) {
    const bool lacks_merges =
        std::string_view(name) == "vocab.json" && !fs::exists(folder / "merges.txt");
    if (fs::exists(folder / name) && !lacks_merges) return folder / name;
  }
  fail_unreadable(
      "{}: the folder holds no tokenizer; looked for tokenizer.json, tokenizer.model, "
      "spiece.model, spm.model, vocab.json with merges.txt, and vocab.txt",
      folder.string());
}

}  // namespace

Tokenizer Tokenizer::open(const fs::path& path) {
  const fs::path file = fs::is_directory(path) ? find_file(path) : path;
  const TokenizerConfig config = config_beside(file.parent_path());
  TokenizerParts parts = open_file(file, config);
  for (const auto& [purpose, token] : config.special_tokens) parts.special_tokens[purpose] = token;
  parts.clean_up_spaces = config.clean_up_spaces;
  Tokenizer tokenizer(std::move(parts));
  std::vector<AddedToken> fresh;
  for (const AddedToken& token : config.added_tokens) {
    // Those of the file itself count more.
    if (!tokenizer.is_added(token.content)) fresh.push_back(token);
  }
  tokenizer.add_tokens(fresh);
  // What the config names is one token wherever it stands, as far as the vocabulary has it.
  fresh.clear();
  const auto name = [&](const std::string& content) {
    if (!tokenizer.is_added(content) && tokenizer.token_to_id(content))
      fresh.push_back({.content = content, .normalized = false, .special = true});
  };
  for (const auto& [purpose, token] : config.special_tokens) name(token);
  for (const std::string& token : config.more_special_tokens) name(token);
  tokenizer.add_tokens(fresh);
  return tokenizer;
}

Tokenizer Tokenizer::from_json(const std::string& text, const std::string& where) {
  return Tokenizer(parts_of_json(text, where));
}

}  // namespace graft::texts
