#pragma once

#include <string_view>

#include "graft/text/chat/jinja/arguments.h"

namespace graft::texts::jinja {

/// The filter of that name, or null. The tables are in filters_*.cpp: one line adds one.
const Operation* find_filter(std::string_view name);
/// `input | name(arguments)`; a Failure when there is none.
Value apply_filter(Runtime& runtime, std::string_view name, const Value& input,
                   const Arguments& arguments);

/// The parts of the table.
const Operation* find_text_filter(std::string_view name);
const Operation* find_list_filter(std::string_view name);
const Operation* find_choice_filter(std::string_view name);
const Operation* find_value_filter(std::string_view name);

}  // namespace graft::texts::jinja
