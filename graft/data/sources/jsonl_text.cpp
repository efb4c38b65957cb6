#include <algorithm>
#include <cmath>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/format.h"
#include "graft/data/label_cell.h"
#include "graft/data/names.h"
#include "graft/data/text_columns.h"
#include "graft/data/text_file.h"
#include "graft/data/text_records.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

constexpr double kMaxMalformed = 0.01;  // of the records

/// The records of a file as text, one after the other: its lines, or the members of the array that
/// it is.
class RecordReader {
 public:
  RecordReader(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {
    skip_blanks();
    array_ = at_ < text_.size() && text_[at_] == '[';
    if (array_) ++at_;
  }

  bool is_array() const { return array_; }

  /// `line` is where the record begins, from 1.
  bool next(std::string_view& record, int64_t& line) {
    skip_blanks();
    if (array_) return next_member(record, line);
    if (at_ == text_.size()) return false;
    line = line_;
    const size_t end = std::min(text_.find('\n', at_), text_.size());
    record = trimmed(text_.substr(at_, end - at_));
    at_ = end;
    return true;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string::npos)
      line_ += text_[at_++] == '\n' ? 1 : 0;
  }

  bool next_member(std::string_view& record, int64_t& line) {
    if (first_ || take(',')) {
      skip_blanks();
      if (first_ && take(']')) return end_array();
    } else if (take(']')) {
      return end_array();
    } else if (!closed_) {
      fail_unreadable("{}, line {}: the list ends without ']' or lacks a ','", where_, line_);
    }
    if (closed_) return false;
    first_ = false;
    line = line_;
    const size_t start = at_;
    skip_value();
    record = trimmed(text_.substr(start, at_ - start));
    return true;
  }

  bool end_array() {
    closed_ = true;
    skip_blanks();
    if (at_ != text_.size()) {
      fail_unreadable("{}, line {}: there is text after the list", where_, line_);
    }
    return false;
  }

  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  /// To the comma or bracket behind the value.
  void skip_value() {
    const int64_t began = line_;
    const size_t start = at_;
    int depth = 0;
    bool inside = false;  // of a string
    for (; at_ < text_.size() && at_ - start <= kMaxRecordBytes; ++at_) {
      const char c = text_[at_];
      if (c == '\n') ++line_;
      if (inside) {
        if (c == '\\') ++at_;
        inside = c != '"';
      } else if (c == '"') {
        inside = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (depth == 0 && (c == ',' || c == ']')) {
        return;
      } else if (c == '}' || c == ']') {
        --depth;
      }
    }
    if (at_ - start > kMaxRecordBytes) {
      fail_unreadable(
          "{}, line {}: the record is longer than {} MiB; is a quote or a bracket missing?", where_,
          began, kMaxRecordBytes >> 20);
    }
    fail_unreadable(
        "{}, line {}: the record that begins here never ends; the file seems to be cut off", where_,
        began);
  }

  std::string_view text_;
  std::string where_;
  size_t at_ = 0;
  int64_t line_ = 1;
  bool array_ = false;
  bool first_ = true;
  bool closed_ = false;
};

std::string label_of(const Json& value) {
  if (value.is_string()) return printable(trimmed(value.get_ref<const std::string&>()));
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number_integer()) return value.dump();
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    const bool whole = number == std::floor(number) && std::abs(number) < 1e15;
    return whole ? std::to_string(std::llround(number)) : value.dump();
  }
  fail_unreadable("the label is {}; expected a text, a number, true, false or a list of them",
                  value.type_name());
}

class Records {
 public:
  Records(const fs::path& path, const Options& options)
      : options_(options), where_(printable(path.string())), records_(where_, "line") {
    text_ = read_text_file(path, records_.notes());
  }

  Listing open() {
    RecordReader reader(text_, where_);
    std::string_view record;
    int64_t line = 0;
    while (reader.next(record, line)) {
      ++seen_;
      try_to(line, [&] { json_ = parse(record); });
      if (json_.is_null()) continue;
      if (names_.empty()) find_columns();
      try_to(line, [&] { add(line); });
      json_ = nullptr;
    }
    if (seen_ == 0) fail_unreadable("{} is empty", where_);
    const double share = static_cast<double>(malformed_) / static_cast<double>(seen_);
    if (share > kMaxMalformed) {
      fail_unreadable("{}, line {}: {} ({} of {} records are malformed; up to 1 % are left out)",
                      where_, first_malformed_, reason_, grouped(malformed_), grouped(seen_));
    }
    if (malformed_ > 0) {
      records_.notes().push_back(
          fmt::format("{}: {} malformed record(s) are left out, the first "
                      "in line {}: {}",
                      where_, grouped(malformed_), first_malformed_, reason_));
    }
    if (columns_.labels.size() > 1) records_.allow_several();
    return records_.finish();
  }

 private:
  static Json parse(std::string_view record) {
    if (record.size() > kMaxRecordBytes) fail_unreadable("the record is longer than 16 MiB");
    Json json = parse_json(std::string(record), "the record");
    if (!json.is_object()) fail_unreadable("expected an object {{…}}, got {}", json.type_name());
    return json;
  }

  /// A record that is wrong in itself is counted; `task` throws unreadable for it.
  template <typename Task>
  void try_to(int64_t line, const Task& task) {
    try {
      task();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::unreadable) throw;
      if (malformed_++ > 0) return;
      first_malformed_ = line;
      reason_ = printable(error.what());
    }
  }

  /// The first record says what the fields are called.
  void find_columns() {
    for (const auto& [key, value] : json_.items()) names_.push_back(key);
    columns_ = find_text_columns(names_, options_, where_);
  }

  void add(int64_t line) {
    joined_ = text_of(columns_.text[0]);
    for (size_t i = 1; i < columns_.text.size(); ++i) {
      joined_ += ' ';
      joined_ += text_of(columns_.text[i]);
    }
    std::optional<std::string> second;
    if (columns_.pair && !field(*columns_.pair).is_null()) {
      second = text_of(*columns_.pair);
    }
    read_labels();
    records_.add(line, joined_, second, labels_, split_of(), id_of());
  }

  const Json& field(size_t i) const {
    static const Json kNone;
    const auto found = json_.find(names_[i]);
    return found == json_.end() ? kNone : *found;
  }

  std::string text_of(size_t i) const {
    const Json& value = field(i);
    if (!value.is_string()) {
      fail_unreadable("'{}' must be a text, got {}", printable(names_[i]), value.type_name());
    }
    return value.get<std::string>();
  }

  void read_labels() {
    labels_.clear();
    if (columns_.labels.size() > 1) {
      for (const size_t i : columns_.labels) {
        const std::string name = printable(names_[i]);
        const Json& value = field(i);
        const auto yes = marked(value.is_null() ? "" : label_of(value));
        if (!yes) fail_unreadable("'{}' must be 0 or 1, got {}", name, value.dump());
        if (*yes) labels_.push_back(name);
      }
      return;
    }
    const Json& value = field(columns_.labels[0]);
    if (value.is_array()) {
      records_.allow_several();
      for (const Json& item : value) labels_.push_back(label_of(item));
    } else {
      labels_.push_back(label_of(value));
      if (labels_.back().empty()) fail_unreadable("the label is empty");
    }
  }

  Split split_of() const {
    if (!columns_.split) return Split::none;
    const Json& value = field(*columns_.split);
    const Split split = value.is_string() ? split_called(value.get<std::string>()) : Split::none;
    if (split == Split::none) {
      fail_unreadable("the split {} is none of train, validation and test", value.dump());
    }
    return split;
  }

  std::string id_of() const {
    if (!columns_.id) return "";
    const Json& value = field(*columns_.id);
    return value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump();
  }

  const Options& options_;
  std::string where_;
  TextRecords records_;
  std::string text_;
  Json json_;  // the record at hand
  std::vector<std::string> names_;
  TextColumns columns_;
  std::vector<std::string> labels_;
  std::string joined_;
  int64_t seen_ = 0;
  int64_t malformed_ = 0;
  int64_t first_malformed_ = 0;
  std::string reason_;
};

/// One object a line, seen from the first lines; `.json` is also used for other things (COCO).
bool has_objects_in_lines(const std::vector<std::string>& lines) {
  int objects = 0;
  for (const auto& line : lines) {
    const std::string_view text = trimmed(line);
    if (text.empty()) continue;
    if (!text.starts_with('{') || !text.ends_with('}') || !Json::accept(text)) return false;
    if (++objects == 2) return true;
  }
  return objects == 1 && lines.size() == 1;
}

bool is_json(const fs::path& path) {
  const std::string extension = extension_of(path.string());
  std::error_code failed;
  if (extension == "jsonl" || extension == "ndjson") return fs::is_regular_file(path, failed);
  if (extension != "json") return false;
  const auto lines = first_lines(path);
  const auto first = std::find_if(lines.begin(), lines.end(),
                                  [](const std::string& line) { return !trimmed(line).empty(); });
  if (first == lines.end()) return false;
  return trimmed(*first).starts_with('[') || has_objects_in_lines(lines);
}

}  // namespace

Format jsonl_text() {
  Format format;
  format.name = "jsonl-text";
  format.summary = "records of text and label(s): one JSON object a line, or a list of objects";
  format.source = "https://jsonlines.org";
  format.content = Content::texts;
  format.options = text_column_options();
  format.detect = is_json;
  format.open = [](const fs::path& path, const Options& options) {
    return Records(path, options).open();
  };
  return format;
}

}  // namespace graft::data::sources
