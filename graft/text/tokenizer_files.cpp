#include "graft/text/tokenizer_files.h"

#include "graft/base/files.h"
#include "graft/base/json.h"
#include "graft/text/word_encoder.h"

namespace graft::texts {
namespace fs = std::filesystem;
namespace {

/// What Tokenizer::open made of a new token.
Json described(const std::string& token) {
  return {{"content", token}, {"single_word", false}, {"lstrip", false},
          {"rstrip", false},  {"normalized", false},  {"special", true}};
}

void add_to_tokenizer(const Preprocess& preprocess, Json& file) {
  Json& list = file["added_tokens"];
  if (!list.is_array()) list = Json::array();
  for (const std::string& token : preprocess.new_tokens) {
    Json entry = {{"id", *preprocess.tokenizer->token_to_id(token)}};
    entry.update(described(token));
    list.push_back(std::move(entry));
  }
}

void add_to_config(const Preprocess& preprocess, Json& file) {
  Json& decoder = file["added_tokens_decoder"];
  if (!decoder.is_object()) decoder = Json::object();
  for (const std::string& token : preprocess.new_tokens)
    decoder[std::to_string(*preprocess.tokenizer->token_to_id(token))] = described(token);
}

/// "add_prefix_space" of all parts of a pre-tokenizer that know it.
void put_prefix(Json& part) {
  if (!part.is_object()) return;
  if (part.contains("add_prefix_space")) part["add_prefix_space"] = true;
  if (part.contains("pretokenizers")) {
    for (Json& inner : part["pretokenizers"]) put_prefix(inner);
  }
}

}  // namespace

void write_blanks_before_words(const Preprocess& preprocess, const fs::path& folder) {
  const fs::path tokenizer = folder / "tokenizer.json";
  if (!preprocess.tokenizer || !fs::exists(tokenizer) || !WordEncoder(preprocess).puts_blanks())
    return;
  Json file = read_json(tokenizer);
  put_prefix(file["pre_tokenizer"]);
  write_json(tokenizer, file);
  const fs::path beside = folder / "tokenizer_config.json";
  Json config = fs::exists(beside) ? read_json(beside) : Json::object();
  config["add_prefix_space"] = true;
  write_json(beside, config);
}

void write_tokenizer_files(const Preprocess& preprocess, const fs::path& folder) {
  fs::create_directories(folder);
  for (const fs::path& file : preprocess.files()) {
    const fs::path target = folder / file.filename();
    if (!fs::exists(target) || !fs::equivalent(file, target))
      fs::copy_file(file, target, fs::copy_options::overwrite_existing);
  }
  if (preprocess.new_tokens.empty()) return;
  const fs::path tokenizer = folder / "tokenizer.json";
  const bool whole = fs::exists(tokenizer);
  if (whole) {
    Json file = read_json(tokenizer);
    add_to_tokenizer(preprocess, file);
    write_json(tokenizer, file);
  }
  // Older transformers write them here as well, and then go by what stands here.
  const fs::path beside = folder / "tokenizer_config.json";
  Json config = fs::exists(beside) ? read_json(beside) : Json::object();
  if (whole && !config.contains("added_tokens_decoder")) return;
  add_to_config(preprocess, config);
  write_json(beside, config);
}

}  // namespace graft::texts
