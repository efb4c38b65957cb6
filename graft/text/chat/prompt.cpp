#include "graft/text/chat/prompt.h"

#include "graft/base/error.h"
#include "graft/text/chat/mask.h"

namespace graft::texts {
namespace {

constexpr const char* kAnswer = "graftanswers";

/// The mark behind an answer, without white space around it; "" where there is none.
std::string end_of_turn(const ChatTemplate& chat, const RenderOptions& options) {
  const Json messages = {{{"role", "user"}, {"content", "graft"}},
                         {{"role", "assistant"}, {"content", kAnswer}}};
  try {
    const Masked masked = trained_text(chat, messages, options);
    if (masked.turns.empty() || !masked.turns.back().has_end) return "";
    const ByteRange last = masked.turns.back().ranges.back();
    std::string text = masked.rendered.text.substr(last.begin, last.end - last.begin);
    if (const size_t answer = text.find(kAnswer); answer != std::string::npos)
      text.erase(0, answer + std::string(kAnswer).size());
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) return "";
    return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
  } catch (const Error&) {
    return "";  // a template for other conversations; the model's end token is all there is
  }
}

}  // namespace

ChatPrompt::ChatPrompt(std::shared_ptr<const Tokenizer> tokenizer, ChatTemplates templates,
                       RenderOptions options)
    : tokenizer_(std::move(tokenizer)),
      templates_(std::move(templates)),
      options_(std::move(options)) {
  GRAFT_ASSERT(templates_.usual != nullptr);
  options_.add_generation_prompt = false;
  const std::string end = end_of_turn(*templates_.usual, options_);
  options_.add_generation_prompt = true;
  if (end.empty()) return;
  end_token_ = tokenizer_->token_to_id(end);
  if (!end_token_) end_text_ = end;
}

std::vector<uint32_t> ChatPrompt::tokens(const Json& messages) const {
  const bool tools = options_.tools.is_array() && !options_.tools.empty();
  const std::string text = templates_.for_tools(tools)->render(messages, options_).text;
  return tokenizer_->encode(text, {.add_special = false, .ids_only = true, .truncate = false}).ids;
}

}  // namespace graft::texts
