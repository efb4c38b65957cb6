#pragma once

#include <string>
#include <vector>

namespace graft::report {

enum class Align { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
};

/// Plain text; `html`, where given, takes its place on a page and must be safe already.
struct Cell {
  Cell(std::string words) : text(std::move(words)) {}  // NOLINT: cells are written as strings
  Cell(const char* words) : text(words) {}             // NOLINT
  Cell(std::string words, std::string safe_html)
      : text(std::move(words)), html(std::move(safe_html)) {}
  std::string text;
  std::string html;
};

/// Rows and columns that become HTML or terminal text.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// Short rows are filled with empty cells; cells beyond the last column are dropped.
  void row(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  size_t size() const { return rows_.size(); }
  /// A <table> in a box that scrolls sideways when the screen is narrow.
  std::string html() const;
  /// Columns aligned with blanks; the heading is left out when all titles are empty.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace graft::report
