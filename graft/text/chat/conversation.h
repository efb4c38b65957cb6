#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graft/text/chat/jinja/runtime.h"
#include "graft/text/chat/template.h"

namespace graft::texts {

/// The variables of a template: messages (each text with its message and field as origin), tools,
/// documents, add_generation_prompt, and those of the options. Throws Error for messages that are
/// no list of objects, jinja::Failure for what lies too deep.
std::vector<std::pair<std::string, jinja::Value>> conversation(const Json& messages,
                                                               const RenderOptions& options,
                                                               jinja::Runtime& runtime);

}  // namespace graft::texts
