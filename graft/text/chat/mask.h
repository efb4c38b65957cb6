#pragma once

#include <string>
#include <vector>

#include "graft/text/chat/template.h"

namespace graft::texts {

struct ByteRange {
  size_t begin = 0, end = 0;
  bool operator==(const ByteRange&) const = default;
};

/// What of one message the model is to say itself.
struct TrainedTurn {
  int message = 0;                ///< index in the conversation
  std::vector<ByteRange> ranges;  ///< ascending, of the rendered text
  bool has_end = false;           ///< its last bytes are the mark that ends the turn
};

struct MaskOptions {
  std::vector<std::string> roles = {"assistant"};  ///< whose messages are learned
  bool last_only = false;                          ///< only the last of them
  bool end_of_turn = true;  ///< its end mark too: a model that is not taught it never stops
};

struct Masked {
  Rendered rendered;
  std::vector<TrainedTurn> turns;  ///< one for each message of these roles, in order
  bool by_generation_tags = false;
};

/// Renders a conversation and says which bytes are to be trained: what these messages contribute
/// (content, reasoning, tool calls) and the end mark of their turns; headers are not.
///
/// Where a template has {% generation %}, what stands inside is trained and nothing else. Else, for
/// each message, of what the template writes while it handles that message:
/// - It begins after the part that equals the generation prompt (found by rendering what precedes
/// the
///   message with and without one): that part is given to the model when it is used. A header that
///   resembles no generation prompt ends where the message's own text begins.
/// - An empty pair of tags in front (`<think>\n\n</think>\n\n`) is skipped.
/// - Text between the message's own parts (`</think>`, `<tool_call>`) belongs to it; text of other
///   messages in between does not.
/// - The end mark is what follows the message's last own text while the message is handled: up to
/// and
///   including eos_token where that occurs, else up to the white space at its end. Where there is
///   none, eos_token right after it (written after the loop) or the special mark that opens the
///   next turn (`<|user|>` of GLM, on which the model stops) is it.
Masked trained_text(const ChatTemplate& chat, const Json& messages,
                    const RenderOptions& options = {}, const MaskOptions& mask = {});

/// Indices of messages of `role` (the last one aside) that look different when the conversation
/// goes on: Qwen3 drops the thinking of earlier turns, for instance. Training on the whole
/// conversation then teaches turns as they are remembered, not as they are said; such conversations
/// are better cut into one sample for each turn. Costs one rendering for each.
std::vector<int> rewritten_turns(const ChatTemplate& chat, const Json& messages,
                                 const RenderOptions& options = {},
                                 const std::string& role = "assistant");

}  // namespace graft::texts
