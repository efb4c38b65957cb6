#include "graft/report/table.h"

#include <algorithm>

#include "graft/report/text.h"

namespace graft::report {
namespace {

bool has_titles(const std::vector<Column>& columns) {
  return std::any_of(columns.begin(), columns.end(),
                     [](const Column& column) { return !column.title.empty(); });
}

/// Line breaks and tabs would tear the columns apart.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  // Terminals without the narrow blank would show a box.
  for (size_t at; (at = text.find("\u202f")) != std::string::npos;) text.replace(at, 3, " ");
  return text;
}

}  // namespace

void Table::row(std::vector<Cell> cells) {
  cells.resize(columns_.size(), Cell(""));
  rows_.push_back(std::move(cells));
}

std::string Table::html() const {
  std::string out = "<div class=\"scroll\"><table>";
  const auto tag = [&](size_t column, const char* name) {
    return std::string("<") + name +
           (columns_[column].align == Align::right ? " class=\"num\">" : ">");
  };
  if (has_titles(columns_)) {
    out += "<thead><tr>";
    for (size_t c = 0; c < columns_.size(); ++c)
      out += tag(c, "th") + escape(columns_[c].title) + "</th>";
    out += "</tr></thead>";
  }
  out += "<tbody>";
  for (const auto& row : rows_) {
    out += "<tr>";
    for (size_t c = 0; c < columns_.size(); ++c) {
      out += tag(c, "td") + (row[c].html.empty() ? escape(row[c].text) : row[c].html) + "</td>";
    }
    out += "</tr>";
  }
  return out + "</tbody></table></div>";
}

std::string Table::text() const {
  std::vector<size_t> widths;
  for (size_t c = 0; c < columns_.size(); ++c) {
    size_t width = text_width(columns_[c].title);
    for (const auto& row : rows_) width = std::max(width, text_width(row[c].text));
    widths.push_back(width);
  }
  const auto line = [&](const auto& text_of) {
    std::string out;
    for (size_t c = 0; c < columns_.size(); ++c) {
      const std::string text = one_line(text_of(c));
      const std::string blanks(widths[c] - text_width(text), ' ');
      if (c > 0) out += "  ";
      out += columns_[c].align == Align::right ? blanks + text : text + blanks;
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out + "\n";
  };
  std::string out;
  if (has_titles(columns_)) out += line([&](size_t c) { return columns_[c].title; });
  for (const auto& row : rows_) out += line([&](size_t c) { return row[c].text; });
  return out;
}

}  // namespace graft::report
