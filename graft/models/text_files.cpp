#include "graft/models/text_files.h"

#include <algorithm>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/models/family.h"
#include "graft/models/outlook.h"

namespace graft::models {
namespace fs = std::filesystem;
namespace {

Json read_beside(const fs::path& folder, const std::string& name) {
  const fs::path file = folder / name;
  Json json = fs::exists(file) ? read_json(file) : Json::object();
  return json.is_object() ? json : Json::object();
}

/// A limit that a file gives; some write 1e30 for "none".
void limit(int64_t& length, const Json& file, const char* key) {
  if (!file.contains(key) || !file[key].is_number()) return;
  const auto given = file[key].get<double>();
  if (given >= 1 && given < static_cast<double>(length)) length = static_cast<int64_t>(given);
}

/// Whether there is no table of positions that would end.
bool goes_further(const Json& config) {
  const Family* family = family_in(config);
  return family && family->goes_further && family->goes_further(config);
}

/// A length that a file allows beyond that of the pretraining.
void raise(int64_t& length, const Json& file, const char* key) {
  constexpr double kMost = 1 << 20;
  if (!file.contains(key) || !file[key].is_number()) return;
  const auto given = file[key].get<double>();
  if (given <= kMost) length = std::max(length, static_cast<int64_t>(given));
}

/// Adds the tokens that are not there; returns them.
std::vector<std::string> add_to(texts::Tokenizer& tokenizer,
                                const std::vector<std::string>& tokens) {
  std::vector<std::string> added;
  for (const std::string& token : tokens) {
    if (token.empty()) fail_usage("model.add_tokens holds an empty text; name the tokens");
    if (tokenizer.token_to_id(token)) continue;
    tokenizer.add_tokens({{.content = token, .normalized = false, .special = true}});
    added.push_back(token);
  }
  return added;
}

}  // namespace

texts::Preprocess read_text_preprocess(const fs::path& folder, const Json& config,
                                       int64_t max_length,
                                       const std::vector<std::string>& add_tokens) {
  texts::Preprocess preprocess;
  if (!folder.empty()) preprocess.folder = fs::is_directory(folder) ? folder : folder.parent_path();
  if (folder.empty() || preprocess.files().empty()) {
    if (add_tokens.empty()) return preprocess;
    fail_unreadable(
        "model.add_tokens: there is no tokenizer to add tokens to; give model.tokenizer");
  }
  auto tokenizer = std::make_shared<texts::Tokenizer>(texts::Tokenizer::open(preprocess.folder));
  const int64_t rows = config_integer(config, "vocab_size", 0);
  auto ids = static_cast<int64_t>(tokenizer->id_end());
  // What is put around texts has ids of its own.
  for (const texts::Encoding& around : {tokenizer->encode(""), tokenizer->encode("", "")}) {
    for (const uint32_t id : around.ids) ids = std::max(ids, static_cast<int64_t>(id) + 1);
  }
  if (rows > 0 && ids > rows) {
    fail_unreadable(
        "{}: the tokenizer has ids up to {}, the model's embedding {} rows (vocab_size); they do "
        "not belong together",
        preprocess.folder.string(), ids - 1, rows);
  }
  int64_t length = config_integer(config, "max_position_embeddings",
                                  config_integer(config, "n_positions", 1 << 20));
  // RoBERTa's positions begin after that of the padding.
  const std::string type = config_text(config, "model_type", "");
  if (type == "roberta" || type == "xlm-roberta")
    length -= config_integer(config, "pad_token_id", 1) + 1;
  const Json tokenizing = read_beside(preprocess.folder, "tokenizer_config.json");
  if (goes_further(config)) raise(length, tokenizing, "model_max_length");
  limit(length, tokenizing, "model_max_length");
  limit(length, read_beside(preprocess.folder, "sentence_bert_config.json"), "max_seq_length");
  preprocess.new_tokens = add_to(*tokenizer, add_tokens);
  if (max_length > 0) length = std::min(length, max_length);
  preprocess.max_length = std::max<int64_t>(1, length);
  tokenizer->set_padding(std::nullopt);
  // transformers hands a model only the inputs that its tokenizer names.
  const Json inputs = tokenizing.value("model_input_names", Json());
  preprocess.tells_texts_apart =
      !inputs.is_array() || std::ranges::find(inputs, "token_type_ids") != inputs.end();
  texts::Truncation truncation;
  if (tokenizing.value("truncation_side", Json()) == "left")
    truncation.direction = texts::Direction::left;
  truncation.max_length = static_cast<uint64_t>(preprocess.max_length);
  tokenizer->set_truncation(truncation);
  preprocess.tokenizer = std::move(tokenizer);
  return preprocess;
}

}  // namespace graft::models
