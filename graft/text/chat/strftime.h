#pragma once

#include <ctime>
#include <string>
#include <string_view>

namespace graft::texts {

/// strftime of the C locale, in UTC, whatever the machine is set to. Directives that it does not
/// know are copied. Throws jinja::Failure when the result would be long.
std::string format_date(std::time_t when, std::string_view format);

}  // namespace graft::texts
