#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graft/text/chat/template_files.h"
#include "graft/text/tokenizer.h"

namespace graft::texts {

/// What a chat model is given to answer, and how its answer ends.
class ChatPrompt {
 public:
  /// `templates.usual` must be there. `options` have the variables; add_generation_prompt is set
  /// here.
  ChatPrompt(std::shared_ptr<const Tokenizer> tokenizer, ChatTemplates templates,
             RenderOptions options);

  /// The conversation as the template renders it, with what opens the answer, in tokens. As in
  /// transformers' apply_chat_template there are no special tokens beside those the template
  /// writes. Errors (exit code 3): a conversation that the template refuses.
  std::vector<uint32_t> tokens(const Json& messages) const;

  /// The token that ends a turn of the assistant, where the template writes one.
  std::optional<uint32_t> end_token() const { return end_token_; }
  /// What ends a turn where that is no single token; else empty.
  const std::string& end_text() const { return end_text_; }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  ChatTemplates templates_;
  RenderOptions options_;
  std::optional<uint32_t> end_token_;
  std::string end_text_;
};

}  // namespace graft::texts
