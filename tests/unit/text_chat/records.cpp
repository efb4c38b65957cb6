#include "tests/unit/text_chat/records.h"

namespace graft::texts::test {

const std::vector<std::string> kMarks = {"<|im_start|>",  "<|im_end|>", "<|user|>",
                                         "<|assistant|>", "<|system|>", "<|end|>"};

TokenizerFolder::TokenizerFolder(const std::string& name, const std::string& bos,
                                 const std::string& eos) {
  const auto small = graft::test::source_dir() / "tests/golden/tokenizers/small";
  write("tokenizer.json", graft::test::read_text(small / (name + ".json")));
  write("tokenizer_config.json", Json{{"bos_token", bos}, {"eos_token", eos}}.dump());
}

void TokenizerFolder::write(const std::string& name, const std::string& text) const {
  graft::test::write_text(folder_ / name, text);
}

Preprocess TokenizerFolder::preprocess(const std::vector<std::string>& marks,
                                       int64_t max_length) const {
  auto tokenizer = std::make_shared<Tokenizer>(Tokenizer::open(path()));
  std::vector<AddedToken> added;
  for (const std::string& mark : marks) {
    AddedToken token;
    token.content = mark;
    token.special = true;
    token.normalized = false;
    added.push_back(token);
  }
  tokenizer->add_tokens(added);
  // As models have it; what is cut is an encoder's own business.
  Truncation truncation;
  truncation.max_length = static_cast<uint64_t>(max_length);
  tokenizer->set_truncation(truncation);
  Preprocess preprocess;
  preprocess.tokenizer = std::move(tokenizer);
  preprocess.max_length = max_length;
  preprocess.folder = path();
  return preprocess;
}

RecordEncoder TokenizerFolder::encoder(const std::string& chat, const RecordOptions& options,
                                       int64_t max_length) const {
  return {preprocess(kMarks, max_length), open_chat_template(path(), chat), options};
}

std::string marked(const RecordEncoder& encoder, const Tokens& tokens) {
  std::string text;
  for (const RecordPart& part : encoder.parts(tokens))
    text += part.learned ? "⟦" + part.text + "⟧" : part.text;
  return text;
}

std::string marked(const RecordEncoder& encoder, const Json& record) {
  return marked(encoder, encoder.apply(read_record(record)));
}

}  // namespace graft::texts::test
