#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace graft::data {

/// How the cells of a table are written.
struct TableDialect {
  char separator = ',';
  bool quotes = true;  ///< cells can be quoted (RFC 4180); else a quote is a character as any other
};

/// What the first line and the extension of a file say: a `.csv` has commas, or else semicolons or
/// tabs, everything else tabs. Tabs are never inside a text and quotes often are, so a table with
/// tabs has plain quotes unless its first line quotes every cell.
TableDialect dialect_of(std::string_view first_line, const std::string& extension);

/// The cells of a line, quotes and all.
std::vector<std::string> split_line(std::string_view line, char separator);
bool is_quoted(std::string_view cell);
/// Up to its first line end.
std::string_view first_line_of(std::string_view text);

}  // namespace graft::data
