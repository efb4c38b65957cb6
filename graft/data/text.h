#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graft/text/span.h"

namespace graft::data {

/// What a text sample holds: one text, or two that are read together, or compared. UTF-8; what is
/// not becomes U+FFFD when it is tokenized.
struct Text {
  std::string first;
  std::optional<std::string> second = {};
  std::vector<std::string> negatives = {};  ///< of a pair to tell apart: what is like it but wrong
  /// Of a text whose words have classes: where each lies in `first`, in order.
  std::vector<texts::Span> words = {};
  bool operator==(const Text&) const = default;
};

}  // namespace graft::data
