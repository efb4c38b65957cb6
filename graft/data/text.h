#pragma once

#include <optional>
#include <string>

namespace graft::data {

/// What a text sample holds: one text, or two that are read together. UTF-8; what is not becomes
/// U+FFFD when it is tokenized.
struct Text {
  std::string first;
  std::optional<std::string> second;
  bool operator==(const Text&) const = default;
};

}  // namespace graft::data
