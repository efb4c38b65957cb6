#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graft/text/tokenizer.h"

namespace graft::texts {

/// A text as a network takes it.
struct Tokens {
  std::vector<int32_t> ids;
  std::vector<uint8_t> types;  ///< 0, or 1 for the second text; as long as ids
  bool cut = false;            ///< the text had more tokens than allowed
  /// 1 where the token is to be predicted; empty for texts that are no records (record_encoder.h).
  std::vector<uint8_t> learned;
  /// The word that begins with the token, by its number in the text, -1 where none does; empty for
  /// texts whose words are not told apart (word_encoder.h).
  std::vector<int32_t> words;
};

/// From a text to tokens, as a checkpoint's own files say.
struct Preprocess {
  std::shared_ptr<const Tokenizer> tokenizer;
  int64_t max_length = 512;      ///< tokens of a sample, special ones included; the rest is cut
  std::filesystem::path folder;  ///< the files of the tokenizer (tokenizer_files.h writes them)
  std::vector<std::string> new_tokens;  ///< that those files lack, in the order of their ids
  bool tells_texts_apart = true;        ///< types are those of the tokenizer; else all are 0
  /// Not kept at the end of a text: what transformers' decoders take for padding there.
  std::optional<int32_t> unread_end = {};

  /// `second` is read together with `first` where it is there; the longer one is cut first.
  Tokens apply(std::string_view first, std::optional<std::string_view> second = {}) const;
  /// The files of `folder` that belong to the tokenizer, and those beside it that say how the model
  /// is used: chat template, settings of generation.
  std::vector<std::filesystem::path> files() const;
};

}  // namespace graft::texts
