#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/csv_reader.h"
#include "graft/data/format.h"
#include "graft/data/label_cell.h"
#include "graft/data/names.h"
#include "graft/data/table_dialect.h"
#include "graft/data/text_columns.h"
#include "graft/data/text_file.h"
#include "graft/data/text_records.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

using Cells = std::vector<std::string>;

/// A table of pictures has names of pictures in it.
bool shows_pictures(const std::vector<std::string>& lines, char separator) {
  static const std::set<std::string> path_names = {"path",  "file",       "filename", "file_name",
                                                   "image", "image_path", "filepath", "image_id"};
  Cells header = split_line(lines.front(), separator);
  bool path = false;
  for (auto& cell : header) {
    std::string_view name = trimmed(cell);
    if (is_quoted(name)) name = name.substr(1, name.size() - 2);
    cell = name;
    path = path || path_names.contains(lowered(cell));
  }
  const bool text = names_a_text(header);
  if (path != text) return path;
  const size_t tried = std::min<size_t>(lines.size(), 20);
  size_t pictures = 0;
  for (size_t i = 0; i < tried; ++i) {
    const Cells cells = split_line(lines[i], separator);
    pictures += std::any_of(cells.begin(), cells.end(), [](const std::string& cell) {
      const std::string_view name = trimmed(cell, " \t\"");
      return name.size() < 1024 && has_image_extension(name);
    });
  }
  return 2 * pictures >= tried;
}

bool is_text_table(const fs::path& path) {
  const std::string extension = extension_of(path.string());
  if (extension != "csv" && extension != "tsv" && extension != "tab" && extension != "txt") {
    return false;
  }
  const auto lines = first_lines(path);
  if (lines.empty()) return false;
  const TableDialect dialect = dialect_of(lines.front(), extension);
  if (extension == "txt" && lines.front().find('\t') == std::string::npos) return false;
  return !shows_pictures(lines, dialect.separator);
}

/// Whether `data.columns` calls a column by a name.
bool names_columns(const Options& options) {
  for (const char* key : {"text", "text_pair", "label", "split", "id"}) {
    const Json& value = options.at(key);
    if (value.is_string()) return true;
    if (value.is_array() && std::any_of(value.begin(), value.end(),
                                        [](const Json& item) { return item.is_string(); })) {
      return true;
    }
  }
  return false;
}

/// What the columns hold, seen from their first rows.
struct Column {
  std::set<std::string> values;
  bool numbers = true;
  bool whole = true;
};

constexpr int kSeen = 1000;  // rows, to tell what columns are

/// Of two columns the label is the one that is all numbers, else the one with fewer different
/// cells, else the second. Three are class, title and description when only the first is a whole
/// number (AG News), else text, second text and label.
TextColumns guess_columns(CsvReader reader, const std::string& where) {
  std::vector<Column> columns;
  CsvRow row;
  for (int n = 0; n < kSeen && reader.next(row); ++n) {
    if (n == 0) columns.resize(row.cells.size());
    if (row.cells.size() != columns.size()) continue;  // told later, with its line
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const auto value = number_in(trimmed(row.cells[i]));
      columns[i].numbers = columns[i].numbers && value;
      columns[i].whole = columns[i].numbers && row.cells[i].find('.') == std::string::npos;
      columns[i].values.insert(row.cells[i].substr(0, 256));
    }
    if (n == 0 && (columns.size() < 2 || columns.size() > 3)) break;
  }
  TextColumns found;
  if (columns.size() == 2) {
    const Column &a = columns[0], &b = columns[1];
    const bool first = a.numbers != b.numbers ? a.numbers : a.values.size() < b.values.size();
    found.labels = {first ? 0U : 1U};
    found.text = {first ? 1U : 0U};
  } else if (columns.size() == 3 && columns[0].whole && !columns[2].numbers) {
    found.labels = {0};
    found.text = {1, 2};
  } else if (columns.size() == 3) {
    found.text = {0};
    found.pair = 1;
    found.labels = {2};
  } else {
    fail_unreadable(
        "{} has {} column(s) and no header that names a text; give data.columns, for instance "
        "{{text: 4, label: 2}} (positions from 1), or add a header such as text,label",
        where, columns.size());
  }
  return found;
}

class Table {
 public:
  /// Without `labelled` the texts alone are read.
  Table(const fs::path& path, const Options& options, bool labelled)
      : options_(options),
        labelled_(labelled),
        where_(printable(path.string())),
        records_(where_, "line") {
    text_ = read_text_file(path, records_.notes());
    dialect_ = dialect_of(first_line_of(text_), extension_of(path.string()));
    if (options.is_set("quotes")) dialect_.quotes = options.boolean("quotes");
  }

  Listing open() {
    CsvReader reader = rows();
    CsvRow row;
    if (!reader.next(row)) fail_unreadable("{} is empty", where_);
    width_ = row.cells.size();
    for (const auto& cell : row.cells) names_.emplace_back(trimmed(cell));
    const bool header = has_header();
    if (header) {
      columns_ = find_text_columns(names_, options_, where_, labelled_);
    } else if (options_.is_set("text") || options_.is_set("label")) {
      for (size_t i = 0; i < width_; ++i) names_[i] = std::to_string(i + 1);
      columns_ = find_text_columns(names_, options_, where_, labelled_);
    } else if (!labelled_ && width_ == 1) {
      columns_.text = {0};
    } else {
      columns_ = guess_columns(rows(), where_);
    }
    if (!labelled_) columns_.labels.clear();
    if (columns_.labels.size() != 1) records_.allow_several();
    if (columns_.labels.size() > 1) {
      for (const size_t i : columns_.labels) records_.add_class(printable(names_[i]));
    }
    if (!header) add(row);
    while (reader.next(row)) add(row);
    return finish(header);
  }

 private:
  CsvReader rows() const { return {text_, dialect_.separator, dialect_.quotes, where_}; }

  bool has_header() const {
    if (options_.is_set("header")) return options_.boolean("header");
    if (names_columns(options_) || names_a_text(names_)) return true;
    const auto label = named_label(names_);
    return label && !occurs_below(*label);
  }

  /// Whether a cell of the first line stands below it once more, as a label does.
  bool occurs_below(size_t column) const {
    CsvReader reader = rows();
    CsvRow row;
    for (int n = 0; n < kSeen && reader.next(row); ++n) {
      if (n > 0 && row.cells.size() == width_ && trimmed(row.cells[column]) == names_[column])
        return true;
    }
    return false;
  }

  void add(const CsvRow& row) {
    if (row.cells.size() != width_) {
      if (row.cells.size() == 1 && trimmed(row.cells[0]).empty()) return;
      fail_unreadable("{}, line {}: {} cell(s), but the first line has {}; {}", where_, row.line,
                      row.cells.size(), width_,
                      dialect_.quotes ? "quote cells that hold a separator"
                                      : "a tab ends a cell (data.columns.quotes=true reads quotes "
                                        "as in CSV)");
    }
    read_labels(row);
    joined_ = row.cells[columns_.text[0]];
    for (size_t i = 1; i < columns_.text.size(); ++i) {
      joined_ += ' ';
      joined_ += row.cells[columns_.text[i]];
    }
    std::optional<std::string_view> second;
    if (columns_.pair) second = row.cells[*columns_.pair];
    records_.add(row.line, joined_, second, labels_, split_of(row),
                 columns_.id ? std::string_view(row.cells[*columns_.id]) : std::string_view());
    ++rows_;
  }

  void read_labels(const CsvRow& row) {
    if (!labelled_) return;
    if (columns_.labels.size() == 1) {
      return split_labels(row.cells[columns_.labels[0]], labels_);
    }
    labels_.clear();
    for (const size_t i : columns_.labels) {
      const auto yes = marked(row.cells[i]);
      if (!yes) {
        fail_unreadable("{}, line {}: the column '{}' must be 0 or 1, got '{}'", where_, row.line,
                        printable(names_[i]), printable(trimmed(row.cells[i])));
      }
      if (*yes) labels_.push_back(printable(names_[i]));
    }
  }

  Split split_of(const CsvRow& row) const {
    if (!columns_.split) return Split::none;
    const std::string word(trimmed(row.cells[*columns_.split]));
    const Split split = split_called(word);
    if (split == Split::none) {
      fail_unreadable("{}, line {}: the split '{}' is none of train, validation and test", where_,
                      row.line, printable(word));
    }
    return split;
  }

  Listing finish(bool header) {
    if (rows_ == 0 && header) fail_unreadable("{} has a header and no rows", where_);
    return records_.finish();
  }

  const Options& options_;
  bool labelled_;
  std::string where_;
  TextRecords records_;
  std::string text_;
  TableDialect dialect_;
  size_t width_ = 0;
  Cells names_;
  TextColumns columns_;
  Cells labels_;
  std::string joined_;
  int64_t rows_ = 0;
};

Listing open_table(const fs::path& path, const Options& options, bool labelled) {
  for (const char* key : {"header", "quotes"}) {
    if (options.is_set(key) && !options.at(key).is_boolean()) {
      fail_usage("data.columns.{} must be true or false, got {}", key, options.at(key).dump());
    }
  }
  return Table(path, options, labelled).open();
}

}  // namespace

Format text_table() {
  Format format;
  format.name = "text-table";
  format.summary = "a table of texts, or pairs of them, and labels, with or without a header";
  format.source = "RFC 4180; the files of SST-2, SICK, AG News";
  format.content = Content::texts;
  format.reads_files = true;
  format.options = text_column_options();
  format.options.push_back(any("header", nullptr,
                               "whether the first line names the columns; default: when it has a "
                               "usual name, or data.columns gives names"));
  format.options.push_back(any("quotes", nullptr,
                               "whether cells can be quoted; default: with commas; with tabs when "
                               "every cell of the first line is"));
  format.detect = is_text_table;
  format.open = [](const fs::path& path, const Options& options) {
    return open_table(path, options, true);
  };
  format.open_unlabelled = [](const fs::path& path, const Options& options) {
    return open_table(path, options, false);
  };
  return format;
}

}  // namespace graft::data::sources
