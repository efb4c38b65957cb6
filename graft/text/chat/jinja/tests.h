#pragma once

#include <string_view>

#include "graft/text/chat/jinja/arguments.h"

namespace graft::texts::jinja {

/// The test of that name, or null; its value is a boolean. The table is in tests.cpp.
const Operation* find_test(std::string_view name);
/// `input is name(arguments)`; a Failure when there is none.
bool apply_test(Runtime& runtime, std::string_view name, const Value& input,
                const Arguments& arguments);

}  // namespace graft::texts::jinja
