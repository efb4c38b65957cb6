#pragma once

#include <string>
#include <vector>

#include "graft/base/catalog.h"
#include "graft/text/chat/template.h"

namespace graft::texts {

/// A well-known format of conversations in our own wording, for tokenizers that bring no template.
struct BuiltinTemplate : Entry {
  std::string text;  ///< Jinja
  /// What ends a turn of the assistant; "" where it is the tokenizer's eos_token. A model that is
  /// trained with it must have it as a token, or learn it.
  std::string end_of_turn;
};

/// chatml, llama-2, llama-3, zephyr, gemma, phi-3, phi-4, mistral, alpaca, vicuna.
const std::vector<BuiltinTemplate>& builtin_templates();

/// The one called `name`, or an error (exit code 2) that names those there are.
ChatTemplate builtin_template(const std::string& name);

}  // namespace graft::texts
