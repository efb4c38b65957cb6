#include "graft/data/table_objects.h"

#include "graft/base/error.h"
#include "graft/data/csv_reader.h"
#include "graft/data/names.h"
#include "graft/data/table_dialect.h"
#include "graft/data/text_file.h"

namespace graft::data {
namespace fs = std::filesystem;
namespace {

class TableObjects final : public ObjectReader {
 public:
  TableObjects(const fs::path& path, std::vector<std::string>& notes)
      : where_(printable(path.string())),
        text_(read_text_file(path, notes)),
        dialect_(dialect_of(first_line_of(text_), extension_of(path.string()))),
        reader_(text_, dialect_.separator, dialect_.quotes, where_) {
    if (!reader_.next(row_)) return;
    for (const auto& cell : row_.cells) names_.emplace_back(trimmed(cell));
  }

  std::vector<std::string> names() const override { return names_; }
  bool next() override { return reader_.next(row_); }
  Json take() override {
    if (row_.cells.size() != names_.size()) {
      fail_unreadable("{} cell(s), but the first line names {}; {}", row_.cells.size(),
                      names_.size(),
                      dialect_.quotes ? "quote cells that hold a separator" : "a tab ends a cell");
    }
    Json object = Json::object();
    for (size_t i = 0; i < names_.size(); ++i) object[names_[i]] = row_.cells[i];
    return object;
  }
  int64_t number() const override { return row_.line; }

 private:
  std::string where_;
  std::string text_;
  TableDialect dialect_;
  CsvReader reader_;
  CsvRow row_;
  std::vector<std::string> names_;
};

}  // namespace

bool is_table_file(const fs::path& path) {
  const std::string extension = extension_of(path.string());
  return extension == "csv" || extension == "tsv" || extension == "tab" || extension == "txt";
}

std::unique_ptr<ObjectReader> open_table_objects(const fs::path& path,
                                                 std::vector<std::string>& notes) {
  return std::make_unique<TableObjects>(path, notes);
}

std::vector<std::string> table_names(const fs::path& path) {
  const auto lines = first_lines(path);
  if (lines.empty()) return {};
  const TableDialect dialect = dialect_of(lines.front(), extension_of(path.string()));
  std::vector<std::string> names;
  for (const auto& cell : split_line(lines.front(), dialect.separator)) {
    std::string_view name = trimmed(cell);
    if (is_quoted(name)) name = trimmed(name.substr(1, name.size() - 2));
    names.emplace_back(name);
  }
  return names;
}

}  // namespace graft::data
