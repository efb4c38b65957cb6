#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graft/text/chat/record_encoder.h"
#include "tests/support/support.h"

/// Folders of tokenizers with chat templates, for tests of records.
namespace graft::texts::test {

/// Marks of common templates, as special tokens of a tokenizer.
extern const std::vector<std::string> kMarks;

/// One of tests/golden/tokenizers/small (without .json), with a tokenizer_config.json that names
/// bos_token and eos_token.
class TokenizerFolder {
 public:
  explicit TokenizerFolder(const std::string& name, const std::string& bos = "<s>",
                           const std::string& eos = "</s>");

  const std::filesystem::path& path() const { return folder_.path(); }
  void write(const std::string& name, const std::string& text) const;
  /// Opened anew, with `marks` added.
  Preprocess preprocess(const std::vector<std::string>& marks = kMarks,
                        int64_t max_length = 100'000) const;
  /// `chat` as in open_chat_template.
  RecordEncoder encoder(const std::string& chat = "none", const RecordOptions& options = {},
                        int64_t max_length = 100'000) const;

 private:
  graft::test::ScratchDir folder_;
};

/// The parts of a record that are learned, between ⟦ and ⟧.
std::string marked(const RecordEncoder& encoder, const Tokens& tokens);
std::string marked(const RecordEncoder& encoder, const Json& record);

}  // namespace graft::texts::test
