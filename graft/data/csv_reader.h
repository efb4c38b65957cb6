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
/// quote that is never closed, text after a closing quote, or a row of more than 16 MiB is an error
/// (exit code 3) that names `where` and the line. Without `quotes` a quote is a character as any
/// other. Text and name must outlive the reader.
class CsvReader {
 public:
  CsvReader(const std::string& text, char separator, bool quotes, const std::string& where);
  /// Reads one row into `row`, whose memory is used again; false at the end.
  bool next(CsvRow& row);

 private:
  bool take(char c);
  bool at_end() const;
  void read_cell(std::string& cell);
  void read_quoted(std::string& cell);
  void read_row(CsvRow& row);
  void check_length(int64_t line) const;

  const std::string& text_;
  char separator_;
  bool quotes_;
  const std::string& where_;
  size_t at_ = 0;
  size_t row_start_ = 0;
  int64_t line_ = 1;
};

/// All rows at once, with quotes.
std::vector<CsvRow> parse_csv(const std::string& text, char separator, const std::string& where);

}  // namespace graft::data
