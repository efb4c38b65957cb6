#include "graft/data/csv_reader.h"

#include <utility>

#include "graft/base/error.h"
#include "graft/data/text_file.h"

namespace graft::data {

CsvReader::CsvReader(const std::string& text, char separator, bool quotes, const std::string& where)
    : text_(text), separator_(separator), quotes_(quotes), where_(where) {
  if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
}

bool CsvReader::next(CsvRow& row) {
  while (at_ < text_.size()) {
    read_row(row);
    if (row.cells.size() > 1 || !row.cells[0].empty()) return true;
  }
  return false;
}

void CsvReader::read_row(CsvRow& row) {
  row.line = line_;
  row_start_ = at_;
  size_t count = 0;
  do {
    if (row.cells.size() == count) row.cells.emplace_back();
    read_cell(row.cells[count++]);
    check_length(row.line);
  } while (take(separator_));
  row.cells.resize(count);
  take('\r');
  take('\n');
  ++line_;
}

void CsvReader::check_length(int64_t line) const {
  if (at_ - row_start_ <= kMaxRecordBytes) return;
  fail_unreadable("{}, line {}: the row is longer than {} MiB; is a closing quote missing?", where_,
                  line, kMaxRecordBytes >> 20);
}

bool CsvReader::take(char c) {
  if (at_ >= text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool CsvReader::at_end() const {
  return at_ >= text_.size() || text_[at_] == '\n' || text_[at_] == separator_ ||
         (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n');
}

void CsvReader::read_cell(std::string& cell) {
  if (quotes_ && take('"')) return read_quoted(cell);
  const size_t start = at_;
  while (!at_end()) ++at_;
  cell.assign(text_, start, at_ - start);
}

void CsvReader::read_quoted(std::string& cell) {
  const int64_t opened = line_;
  cell.clear();
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    if (c == '"' && !take('"')) {
      if (at_end()) return;
      fail_unreadable(
          "{}, line {}: there is text after a closing quote; write a quote inside quotes twice",
          where_, line_);
    }
    if (c == '\n') ++line_;
    cell += c;
    check_length(opened);
  }
  fail_unreadable("{}, line {}: a quote is opened and never closed", where_, opened);
}

std::vector<CsvRow> parse_csv(const std::string& text, char separator, const std::string& where) {
  CsvReader reader(text, separator, true, where);
  std::vector<CsvRow> rows;
  for (CsvRow row; reader.next(row);) rows.push_back(row);
  return rows;
}

}  // namespace graft::data
