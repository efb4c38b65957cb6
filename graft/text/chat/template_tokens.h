#pragma once

#include <string>
#include <vector>

#include "graft/text/chat/template.h"
#include "graft/text/tokenizer.h"

namespace graft::texts {

/// What a template writes by itself around messages in the form of a special token, <|im_start|>,
/// <｜User｜> or <start_of_turn>, and the tokenizer does not know as one: it cuts it into pieces,
/// which a model has to learn as a spelling. In their order, each once.
std::vector<std::string> unknown_markers(const Rendered& rendered, const Tokenizer& tokenizer);

}  // namespace graft::texts
