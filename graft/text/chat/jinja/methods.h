#pragma once

#include <optional>
#include <string_view>

#include "graft/text/chat/jinja/value.h"

namespace graft::texts::jinja {

/// The method `name` of a text, list or dictionary, bound to it. Those that would change the value
/// are there too, and refuse to be called.
std::optional<Value> find_method(const Value& object, std::string_view name);

}  // namespace graft::texts::jinja
