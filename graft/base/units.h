#pragma once

#include <cstdint>
#include <string>

#include "graft/base/json.h"

namespace graft {

/// "10m", "1h30m", "45s", "500ms" or a number of seconds; `where` names the key in errors.
double parse_seconds(const Json& value, const std::string& where);
/// "2GiB", "512MB", "1.5G" or a number of bytes.
int64_t parse_bytes(const Json& value, const std::string& where);

/// "1 h 02 min", "3 min 20 s", "12.3 s", "45 ms".
std::string show_seconds(double seconds);
/// "1.50 GiB", "12.0 MiB".
std::string show_bytes(double bytes);
/// "1.23 M", "410 k": counts of parameters, FLOPs.
std::string show_count(double count);

}  // namespace graft
