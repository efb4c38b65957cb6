#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "graft/text/component.h"
#include "graft/text/vocabulary.h"

namespace graft::texts {

/// A token of a piece.
struct Token {
  uint32_t id = 0;
  uint32_t begin = 0;    ///< bytes of the piece it stands for; may lie outside of it, as in the
  uint32_t end = 0;      ///< original, when affixes of BPE fall back to bytes
  bool literal = false;  ///< its text is the piece's, not the vocabulary's (unknown to Unigram)
};

/// Memory that a model uses over and over: caches and buffers. One thread uses it at a time.
class Scratch {
 public:
  virtual ~Scratch() = default;
};

/// Turns a piece of text into tokens. Immutable, used by many threads at once, each with a Scratch.
class Model {
 public:
  explicit Model(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  virtual std::unique_ptr<Scratch> make_scratch() const { return nullptr; }
  /// Appends the tokens of a piece that is not empty. Throws (exit code 3) when the piece has an
  /// unknown part and the vocabulary no token for that.
  virtual void tokenize(std::string_view piece, Scratch* scratch,
                        std::vector<Token>& out) const = 0;
  /// The token for what is unknown, if there is one.
  virtual std::optional<uint32_t> unknown() const { return std::nullopt; }

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  Vocabulary vocabulary_;
};

const std::vector<ComponentRecord<Model>>& models();
/// Also in the form before tokenizers 0.9, without "type".
std::unique_ptr<const Model> make_model(const Node& node);

}  // namespace graft::texts
