#pragma once

#include <string>
#include <vector>

#include "graft/base/json.h"

namespace graft::texts {

/// A part of a text, and whether it is learned.
struct RecordPart {
  std::string text;
  bool learned = false;
};

/// The value of a record of the shape `instruction` as messages: system, history, user, assistant.
/// More of the question ("input") stands in a line of its own below it, as LLaMA-Factory has it.
Json as_messages(const Json& instruction);

/// The same as texts, for tokenizers without a chat template. With "alpaca" in the wording of
/// Stanford Alpaca, with a line end behind "### Response:" as axolotl and LLaMA-Factory have it;
/// else each question and a line end, then its answer. Answers are learned, those of the history
/// too.
std::vector<RecordPart> as_parts(const Json& instruction);

}  // namespace graft::texts
