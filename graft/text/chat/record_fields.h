#pragma once

#include <string>

#include "graft/base/json.h"

/// Fields of a record, as its readers ask for them.
namespace graft::texts {

/// Whether the field is there and not null.
bool has(const Json& object, const char* key);
/// A text; an error (exit code 3) names the field when it is none.
std::string text_field(const Json& object, const char* key);
/// The same, "" where it is not there.
std::string optional_text(const Json& object, const char* key);
/// What a file gave as name, for an error: of bounded length, without control characters.
std::string shown(const std::string& name);

}  // namespace graft::texts
