#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graft/base/json.h"

namespace graft::data {

/// The labels in one cell of a table, separated by ; or |; `labels` is overwritten.
void split_labels(std::string_view cell, std::vector<std::string>& labels);

/// What a cell of a column of 0 and 1 says (also 1.0, true, an empty cell …); nothing when it says
/// neither.
std::optional<bool> marked(std::string_view cell);

/// The finite number that all of `text` spells; nothing when it spells none.
std::optional<double> number_in(std::string_view text);

/// The label that a value in JSON is: texts without blanks around them, whole numbers without a
/// point. An error (exit code 3) for lists, objects and null.
std::string label_text(const Json& value);

}  // namespace graft::data
