#pragma once

#include <string_view>

#include "graft/text/chat/jinja/runtime.h"

namespace graft::texts::jinja {

/// What templates can call by name: range, namespace, dict, raise_exception, strftime_now.
/// Undefined when there is none; the table is in functions.cpp.
Value find_function(std::string_view name);

/// What raise_exception throws: the template refuses the conversation.
struct Refusal {
  std::string what;
};

}  // namespace graft::texts::jinja
