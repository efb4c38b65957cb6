#include "graft/data/csv_reader.h"

#include <utility>

#include "graft/base/error.h"

namespace graft::data {
namespace {

class Parser {
 public:
  Parser(const std::string& text, char separator, const std::string& where)
      : text_(text), separator_(separator), where_(where) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  std::vector<CsvRow> rows() {
    std::vector<CsvRow> rows;
    while (at_ < text_.size()) {
      CsvRow row{line_, {}};
      do {
        row.cells.push_back(cell());
      } while (take(separator_));
      end_line();
      if (row.cells.size() > 1 || !row.cells[0].empty()) rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool at_end() const {
    return at_ >= text_.size() || text_[at_] == '\n' || text_[at_] == separator_ ||
           (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n');
  }

  std::string cell() {
    if (take('"')) return quoted();
    const size_t start = at_;
    while (!at_end()) ++at_;
    return text_.substr(start, at_ - start);
  }

  std::string quoted() {
    const int64_t opened = line_;
    std::string cell;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"' && !take('"')) {
        if (at_end()) return cell;
        fail_unreadable(
            "{}, line {}: there is text after a closing quote; write a quote inside quotes twice",
            where_, line_);
      }
      if (c == '\n') ++line_;
      cell += c;
    }
    fail_unreadable("{}, line {}: a quote is opened and never closed", where_, opened);
  }

  void end_line() {
    take('\r');
    take('\n');
    ++line_;
  }

  const std::string& text_;
  char separator_;
  const std::string& where_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

}  // namespace

std::vector<CsvRow> parse_csv(const std::string& text, char separator, const std::string& where) {
  return Parser(text, separator, where).rows();
}

}  // namespace graft::data
