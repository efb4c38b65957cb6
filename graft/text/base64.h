#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace graft::texts {

/// Decodes base64 with or without padding (RFC 4648); nothing when `text` is not base64.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace graft::texts
