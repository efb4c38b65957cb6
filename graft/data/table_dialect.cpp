#include "graft/data/table_dialect.h"

#include <algorithm>

#include "graft/data/text_file.h"

namespace graft::data {

std::vector<std::string> split_line(std::string_view line, char separator) {
  std::vector<std::string> cells;
  for (size_t start = 0; start <= line.size();) {
    const size_t end = std::min(line.find(separator, start), line.size());
    cells.emplace_back(line.substr(start, end - start));
    start = end + 1;
  }
  return cells;
}

bool is_quoted(std::string_view cell) {
  return cell.size() >= 2 && cell.front() == '"' && cell.back() == '"';
}

std::string_view first_line_of(std::string_view text) {
  std::string_view line;
  LineReader(text).next(line);
  return line;
}

TableDialect dialect_of(std::string_view first_line, const std::string& extension) {
  const bool tab = first_line.find('\t') != std::string_view::npos;
  const bool comma = first_line.find(',') != std::string_view::npos;
  if (extension != "csv" || (tab && !comma)) {
    const auto cells = split_line(first_line, '\t');
    return {'\t', std::all_of(cells.begin(), cells.end(), is_quoted)};
  }
  return {!comma && first_line.find(';') != std::string_view::npos ? ';' : ',', true};
}

}  // namespace graft::data
