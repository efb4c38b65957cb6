#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/data/box_listing.h"
#include "graft/data/csv_reader.h"
#include "graft/data/format.h"
#include "graft/data/label_cell.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"
#include "graft/image/codec.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxBytes = size_t{4} << 30;
const std::vector<std::string> kPathNames = {"path",  "file",       "filename", "file_name",
                                             "image", "image_path", "filepath", "image_id"};
const std::vector<std::string> kLabelNames = {"label",      "labels",   "class",
                                              "class_name", "category", "tags"};

std::string trim(const std::string& text) {
  return std::string(trimmed(text, " \t"));
}

/// Which column means what. Several `labels` are one-hot columns, named by the header.
struct Columns {
  bool header = false;
  size_t path = 0;
  std::vector<size_t> labels = {1};
  bool one_hot = false;
  std::optional<size_t> split;
};

class ColumnFinder {
 public:
  ColumnFinder(const CsvRow& first, const Options& options, const std::string& where)
      : options_(options), where_(where) {
    for (const auto& cell : first.cells) names_.push_back(trim(cell));
  }

  Columns find() const {
    Columns columns;
    const auto path = column("path", kPathNames);
    columns.header = path.has_value();
    if (!columns.header) return without_header();
    columns.path = *path;
    columns.split = column("split", {"split", "set", "subset"});
    if (options_.is_set("label") && options_.at("label").is_array()) {
      columns.labels.clear();
      for (const auto& name : options_.texts("label"))
        columns.labels.push_back(named(name, "label"));
      columns.one_hot = columns.labels.size() > 1;
    } else if (const auto label = column("label", kLabelNames)) {
      columns.labels = {*label};
    } else {
      columns.labels.clear();
      for (size_t i = 0; i < names_.size(); ++i) {
        if (i != columns.path && i != columns.split) columns.labels.push_back(i);
      }
      // One further column is the label whatever it is called; several must be one-hot.
      columns.one_hot = columns.labels.size() > 1;
    }
    if (columns.labels.empty()) {
      fail_unreadable("{} has no column with labels; its columns are: {}", where_,
                      join_some(names_));
    }
    return columns;
  }

 private:
  Columns without_header() const {
    if (names_.size() != 2) {
      fail_unreadable(
          "{} has {} column(s) and no header that names them; expected a header such as "
          "'path,label', or "
          "the two columns path and label",
          where_, names_.size());
    }
    if (!has_image_extension(names_[0])) {
      fail_unreadable(
          "{}, line 1: '{}' is neither the name of a JPEG, PNG or WebP file nor a column name that "
          "graft "
          "knows; name the columns in data.columns (path, label)",
          where_, printable(names_[0]));
    }
    return {};
  }

  /// The column that `data.columns` names for `key`, else the first whose name is one of `usual`.
  std::optional<size_t> column(const std::string& key,
                               const std::vector<std::string>& usual) const {
    if (options_.is_set(key)) return named(options_.text(key), key);
    for (const auto& name : usual) {
      for (size_t i = 0; i < names_.size(); ++i) {
        if (lowered(names_[i]) == name) return i;
      }
    }
    return std::nullopt;
  }

  size_t named(const std::string& name, const std::string& key) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) {
      fail_unreadable("{} has no column '{}' (data.columns.{}){}; its columns are: {}", where_,
                      name, key, did_you_mean(name, names_), join_some(names_));
    }
    return static_cast<size_t>(found - names_.begin());
  }

  const Options& options_;
  const std::string& where_;
  std::vector<std::string> names_;
};

/// Reads the labels of rows; whether several are meant shows only after the last.
class LabelReader {
 public:
  LabelReader(const Columns& columns, const CsvRow& first, const std::string& where)
      : columns_(columns), where_(where) {
    if (!columns.one_hot) return;
    for (const size_t i : columns.labels) names_.push_back(printable(trim(first.cells[i])));
  }

  void read(const CsvRow& row) {
    std::vector<std::string> labels = columns_.one_hot ? one_hot(row) : listed(row);
    std::sort(labels.begin(), labels.end());
    labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
    if (labels.empty() && first_without_ == 0) first_without_ = row.line;
    several_ = several_ || labels.size() > 1;
    rows_.push_back(std::move(labels));
  }

  void finish(Listing& listing) {
    if (several_ || (columns_.one_hot && first_without_ != 0)) listing.target = Target::multi_label;
    if (!listing.multi_label() && first_without_ != 0) {
      fail_unreadable(
          "{}, line {}: there is no label, and no row has several; expected one label a row",
          where_, first_without_);
    }
    std::set<std::string> used;
    for (const auto& labels : rows_) used.insert(labels.begin(), labels.end());
    listing.classes.assign(used.begin(), used.end());
    sort_names(listing.classes);
    for (const auto& name : names_) {
      if (!used.contains(name)) listing.empty_classes.push_back(name);
    }
    std::map<std::string, int> positions;
    for (size_t i = 0; i < listing.classes.size(); ++i)
      positions[listing.classes[i]] = static_cast<int>(i);
    for (size_t i = 0; i < rows_.size(); ++i) {
      for (const auto& label : rows_[i]) listing.samples[i].labels.push_back(positions[label]);
      std::sort(listing.samples[i].labels.begin(), listing.samples[i].labels.end());
    }
  }

 private:
  std::vector<std::string> listed(const CsvRow& row) const {
    std::vector<std::string> labels;
    split_labels(row.cells[columns_.labels[0]], labels);
    return labels;
  }

  std::vector<std::string> one_hot(const CsvRow& row) const {
    std::vector<std::string> labels;
    for (size_t k = 0; k < names_.size(); ++k) {
      const std::string& value = row.cells[columns_.labels[k]];
      const std::optional<bool> yes = marked(value);
      if (!yes) {
        fail_unreadable(
            "{}, line {}: the column '{}' must be 0 or 1, got '{}'; if it is no label, name the "
            "label "
            "column(s) in data.columns.label",
            where_, row.line, names_[k], printable(trimmed(value)));
      }
      if (*yes) labels.push_back(names_[k]);
    }
    return labels;
  }

  const Columns& columns_;
  const std::string& where_;
  std::vector<std::string> names_;  // of one-hot columns
  std::vector<std::vector<std::string>> rows_;
  int64_t first_without_ = 0;  // line of the first row without a label
  bool several_ = false;
};

Split read_split(const CsvRow& row, const Columns& columns, const std::string& where) {
  if (!columns.split) return Split::none;
  const std::string word = trim(row.cells[*columns.split]);
  const Split split = split_called(word);
  if (split == Split::none) {
    fail_unreadable("{}, line {}: the split '{}' is none of train, validation and test", where,
                    row.line, printable(word));
  }
  return split;
}

Listing open_csv(const fs::path& path, const Options& options) {
  const std::string where = path.string();
  const std::string text = read_file(path, kMaxBytes);
  const std::string first_line = text.substr(0, text.find('\n'));
  const bool tabs =
      first_line.find('\t') != std::string::npos && first_line.find(',') == std::string::npos;
  const std::vector<CsvRow> rows = parse_csv(text, tabs ? '\t' : ',', where);
  if (rows.empty()) fail_unreadable("{} is empty", where);
  const Columns columns = ColumnFinder(rows.front(), options, where).find();
  const fs::path root =
      options.is_set("root") ? path.parent_path() / options.text("root") : path.parent_path();

  Listing listing;
  LabelReader labels(columns, rows.front(), where);
  std::vector<fs::path> files;
  for (size_t i = columns.header ? 1 : 0; i < rows.size(); ++i) {
    const CsvRow& row = rows[i];
    if (row.cells.size() != rows.front().cells.size()) {
      fail_unreadable(
          "{}, line {}: {} cell(s), but the first line has {}; quote cells that hold a separator",
          where, row.line, row.cells.size(), rows.front().cells.size());
    }
    const std::string file = trim(row.cells[columns.path]);
    try {
      files.push_back(join_inside(root, file));
    } catch (const Error& error) {
      fail(error.code(), "{}, line {}: {}", where, row.line, printable(error.what()));
    }
    listing.samples.push_back({printable(file), {}});
    listing.splits.push_back(read_split(row, columns, where));
    labels.read(row);
  }
  if (files.empty()) fail_unreadable("{} has a header and no rows", where);
  labels.finish(listing);
  expect_some_file(files, root, where);
  listing.load = [files = std::move(files)](int64_t i) {
    return image::load(files[static_cast<size_t>(i)]);
  };
  return listing;
}

}  // namespace

Format csv() {
  Format format;
  format.name = "csv";
  format.summary = "a table of path and label(s), separated by commas or tabs";
  format.source = "RFC 4180";
  format.options = {
      text("path", nullptr,
           "column with the picture's path; default: path, file, filename, image, …"),
      any("label", nullptr,
          "column with the label (several are separated by ; or |), or a list of 0/1 columns"),
      text("split", nullptr,
           "column with train, validation or test; default: split, set or subset when there"),
      text("root", nullptr, "folder that the paths are relative to; default: the table's own")};
  format.detect = [](const fs::path& path) {
    const std::string extension = extension_of(path.string());
    return fs::is_regular_file(path) && (extension == "csv" || extension == "tsv");
  };
  format.open = open_csv;
  return format;
}

}  // namespace graft::data::sources
