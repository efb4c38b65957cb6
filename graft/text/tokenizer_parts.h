#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graft/text/added_tokens.h"
#include "graft/text/decoder.h"
#include "graft/text/encoding.h"
#include "graft/text/model.h"
#include "graft/text/normalizer.h"
#include "graft/text/post_processor.h"
#include "graft/text/pre_tokenizer.h"

namespace graft::texts {

/// What a Tokenizer consists of. Only the model is required.
struct TokenizerParts {
  std::unique_ptr<const Normalizer> normalizer;
  std::unique_ptr<const PreTokenizer> pre_tokenizer;
  std::unique_ptr<const Model> model;
  std::unique_ptr<const PostProcessor> post_processor;
  std::unique_ptr<const Decoder> decoder;
  std::vector<AddedToken> added_tokens;
  /// Looked for in the normalised text just as they are spelled (sentencepiece's user-defined
  /// ones).
  std::vector<std::string> user_symbols;
  std::map<std::string, std::string> special_tokens;  ///< by purpose: "bos_token"
  std::optional<Truncation> truncation;
  std::optional<Padding> padding;
  bool clean_up_spaces = false;  ///< decoding ends with clean_up_spaces
  std::vector<std::string> notes;
};

/// Components from a few lines of JSON, for files that do not have them in this form.
template <typename Component>
std::unique_ptr<const Component> component_from(
    std::unique_ptr<const Component> (*make)(const Node&, int), const TreeJson& description) {
  return make(Node(description, "built in"), 0);
}

}  // namespace graft::texts
