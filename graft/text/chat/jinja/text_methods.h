#pragma once

#include <string_view>

#include "graft/text/chat/jinja/arguments.h"

namespace graft::texts::jinja {

/// A method of str, or null.
const Operation* find_text_method(std::string_view name);

}  // namespace graft::texts::jinja
