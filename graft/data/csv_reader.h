#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace graft::data {

struct CsvRow {
  int64_t line = 0;  ///< where it begins, from 1
  std::vector<std::string> cells;
};

/// Splits CSV text (RFC 4180: quoted cells may hold separators, line ends and doubled quotes) into
/// rows. Empty lines are left out, a byte order mark is skipped, LF and CRLF both end a line. A
/// quote that is never closed, or text after a closing quote, is an error (exit code 3) that names
/// `where` and the line.
std::vector<CsvRow> parse_csv(const std::string& text, char separator, const std::string& where);

}  // namespace graft::data
