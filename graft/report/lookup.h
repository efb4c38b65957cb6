#pragma once

#include <initializer_list>
#include <optional>
#include <string>

#include "graft/base/json.h"

/// Reading JSON that somebody else wrote: what is missing or of another kind is absent, not an
/// error.
namespace graft::report {

using KeyPath = std::initializer_list<const char*>;

/// The value below the keys, or null when one of them is missing.
const Json& value_at(const Json& root, KeyPath keys);
/// A finite number, or nothing.
std::optional<double> number_at(const Json& root, KeyPath keys);
/// A finite number, or NaN: what charts want.
double number_or_nan(const Json& root, KeyPath keys);
/// A string as it is, any other value as JSON text, `fallback` for null and missing.
std::string text_at(const Json& root, KeyPath keys, const std::string& fallback = "");
std::string to_text(const Json& value);
/// A whole number that fits; 0 otherwise.
int64_t count_at(const Json& root, KeyPath keys);

/// One line of a .jsonl file; discarded (no object, no value) when it is torn, invalid, or nested
/// so deeply that walking it would exhaust the stack.
Json parse_line(const std::string& line);

}  // namespace graft::report
