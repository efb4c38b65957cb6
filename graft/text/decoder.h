#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graft/text/component.h"

namespace graft::texts {

/// Turns the texts of tokens back into the parts of a text. Immutable.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

const std::vector<ComponentRecord<Decoder>>& decoders();
std::unique_ptr<const Decoder> make_decoder(const Node& node, int depth = 0);

/// `text` with every `from` replaced.
std::string replaced(std::string text, std::string_view from, std::string_view to);
/// Takes out the spaces that tokenising English puts before signs and contractions.
std::string clean_up(std::string text);
/// The same as transformers does it behind the decoder ("clean_up_tokenization_spaces").
std::string clean_up_spaces(std::string text);

}  // namespace graft::texts
