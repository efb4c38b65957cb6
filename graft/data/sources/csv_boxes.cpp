#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/data/box_listing.h"
#include "graft/data/csv_reader.h"
#include "graft/data/format.h"
#include "graft/data/label_cell.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxBytes = size_t{4} << 30;
using Names = std::vector<std::string>;

/// A column: its key in data.columns, and what it is usually called.
struct Role {
  const char* key;
  Names usual;
};
const std::array<Role, 7> kRoles = {
    {{"path", {"image", "path", "file", "filename", "file_name", "image_path", "image_id", "img"}},
     {"xmin", {"xmin", "x_min", "x0", "x1", "left"}},
     {"ymin", {"ymin", "y_min", "y0", "y1", "top"}},
     {"xmax", {"xmax", "x_max", "x2", "x1", "right"}},
     {"ymax", {"ymax", "y_max", "y2", "y1", "bottom"}},
     {"label", {"label", "class", "class_name", "classname", "category", "name"}},
     {"split", {"split", "set", "subset"}}}};
enum : size_t { kPath, kXmin, kYmin, kXmax, kYmax, kLabel, kSplit };

struct Columns {
  std::array<std::optional<size_t>, kRoles.size()> at;
  bool header = true;
  bool whole() const {
    return std::all_of(at.begin(), at.begin() + kSplit,
                       [](const auto& c) { return c.has_value(); });
  }
};

Names header_of(const CsvRow& row) {
  Names names;
  for (const auto& cell : row.cells) names.emplace_back(trimmed(cell));
  return names;
}

/// By usual names; each column serves once, so that x1 is the left border beside x2 and the right
/// one beside x0.
Columns usual_columns(const Names& names) {
  Columns columns;
  std::vector<bool> used(names.size(), false);
  for (size_t role = 0; role < kRoles.size(); ++role) {
    for (const auto& usual : kRoles[role].usual) {
      for (size_t i = 0; i < names.size() && !columns.at[role]; ++i) {
        if (used[i] || lowered(names[i]) != usual) continue;
        columns.at[role] = i;
        used[i] = true;
      }
    }
  }
  return columns;
}

/// path,x1,y1,x2,y2,class without a header, as keras-retinanet has it; empty cells: no object.
bool is_bare(const Names& cells) {
  if (cells.size() != 6 || !has_image_extension(cells[0])) return false;
  return std::all_of(cells.begin() + 1, cells.begin() + 5,
                     [](const auto& cell) { return cell.empty() || number_in(cell); });
}

Columns bare_columns() {
  Columns columns;
  columns.header = false;
  for (size_t i = 0; i < 6; ++i) columns.at[i] = i;
  return columns;
}

Columns find_columns(const CsvRow& first, const Options& options, const std::string& where) {
  const Names names = header_of(first);
  if (is_bare(names)) return bare_columns();
  Columns columns = usual_columns(names);
  for (size_t role = 0; role < kRoles.size(); ++role) {
    const char* key = kRoles[role].key;
    if (!options.is_set(key)) continue;
    const auto found = std::find(names.begin(), names.end(), options.text(key));
    if (found == names.end()) {
      fail_unreadable("{} has no column '{}' (data.columns.{}){}; its columns are: {}", where,
                      options.text(key), key, did_you_mean(options.text(key), names),
                      join_some(names));
    }
    columns.at[role] = static_cast<size_t>(found - names.begin());
  }
  if (!columns.whole()) {
    fail_unreadable(
        "{} must have columns image, xmin, ymin, xmax, ymax and label; its columns are: "
        "{} (data.columns says what they are called)",
        where, join_some(names));
  }
  return columns;
}

class CsvBoxes {
 public:
  CsvBoxes(const fs::path& path, const Options& options)
      : where_(printable(path.string())),
        root_(options.is_set("root") ? path.parent_path() / options.text("root")
                                     : path.parent_path()),
        boxes_(root_, where_) {
    const std::string text = read_file(path, kMaxBytes);
    const std::string first_line = text.substr(0, text.find('\n'));
    const bool tabs =
        first_line.find('\t') != std::string::npos && first_line.find(',') == std::string::npos;
    CsvReader reader(text, tabs ? '\t' : ',', true, where_);
    CsvRow row;
    if (!reader.next(row)) fail_unreadable("{} is empty", where_);
    columns_ = find_columns(row, options, where_);
    width_ = row.cells.size();
    if (!columns_.header) add(row);
    while (reader.next(row)) add(row);
  }

  Listing finish() {
    for (FilePicture& picture : pictures_) boxes_.add(std::move(picture));
    return boxes_.finish();
  }

 private:
  std::string_view cell(const CsvRow& row, size_t role) const {
    return trimmed(row.cells[*columns_.at[role]]);
  }

  void add(const CsvRow& row) {
    if (row.cells.size() != width_) {
      fail_unreadable(
          "{}, line {}: {} cell(s), but the first line has {}; quote cells that hold a separator",
          where_, row.line, row.cells.size(), width_);
    }
    FilePicture& picture = picture_of(row);
    const bool nothing = cell(row, kXmin).empty() && cell(row, kXmax).empty();
    if (nothing) return;  // a picture without objects
    FileBox box;
    for (size_t i = 0; i < 4; ++i) box.corners[i] = coordinate(row, kXmin + i);
    if (cell(row, kLabel).empty())
      fail_unreadable("{}, line {}: there is no label", where_, row.line);
    box.label = boxes_.class_of(std::string(cell(row, kLabel)));
    picture.boxes.push_back(box);
  }

  double coordinate(const CsvRow& row, size_t role) const {
    const std::string_view text = cell(row, role);
    if (lowered(std::string(text)) == "nan") return std::numeric_limits<double>::quiet_NaN();
    const auto value = number_in(text);
    if (!value) {
      fail_unreadable("{}, line {}: {} must be a number, got '{}'", where_, row.line,
                      kRoles[role].key, printable(text));
    }
    return *value;
  }

  FilePicture& picture_of(const CsvRow& row) {
    const std::string name(cell(row, kPath));
    const Split split = split_of(row);
    const auto [place, fresh] = numbers_.emplace(name, pictures_.size());
    if (fresh) {
      FilePicture picture;
      picture.id = name;
      try {
        picture.file = join_inside(root_, name);
      } catch (const Error& error) {
        fail(error.code(), "{}, line {}: {}", where_, row.line, printable(error.what()));
      }
      picture.split = split;
      pictures_.push_back(std::move(picture));
    } else if (pictures_[place->second].split != split) {
      fail_unreadable("{}, line {}: {} is in two splits", where_, row.line, printable(name));
    }
    return pictures_[place->second];
  }

  Split split_of(const CsvRow& row) const {
    if (!columns_.at[kSplit]) return Split::none;
    const std::string word(cell(row, kSplit));
    const Split split = split_called(word);
    if (split == Split::none) {
      fail_unreadable("{}, line {}: the split '{}' is none of train, validation and test", where_,
                      row.line, printable(word));
    }
    return split;
  }

  std::string where_;
  fs::path root_;
  BoxListing boxes_;
  Columns columns_;
  size_t width_ = 0;
  std::vector<FilePicture> pictures_;
  std::map<std::string, size_t> numbers_;
};

bool has_boxes(const fs::path& path) {
  const std::string extension = extension_of(path.string());
  if (extension != "csv" && extension != "tsv") return false;
  const auto lines = first_lines(path);
  if (lines.empty()) return false;
  try {
    const char separator = lines[0].find(',') == std::string::npos ? '\t' : ',';
    const auto rows = parse_csv(lines[0], separator, path.string());
    if (rows.empty()) return false;
    const Names names = header_of(rows[0]);
    return is_bare(names) || usual_columns(names).whole();
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

Format csv_boxes() {
  Format format;
  format.name = "csv-boxes";
  format.summary = "a table of image, xmin, ymin, xmax, ymax and label, a box a row";
  format.source = "RFC 4180; without a header as keras-retinanet has it";
  format.reads_files = true;
  for (const Role& role : kRoles) {
    format.options.push_back(
        text(role.key, nullptr,
             fmt::format("column; default: {}", join_some(role.usual, role.usual.size()))));
  }
  format.options.push_back(
      text("root", nullptr, "folder that the paths are relative to; default: the table's own"));
  format.detect = has_boxes;
  format.open = [](const fs::path& path, const Options& options) {
    return CsvBoxes(path, options).finish();
  };
  return format;
}

}  // namespace graft::data::sources
