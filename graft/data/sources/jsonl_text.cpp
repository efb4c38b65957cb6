#include <algorithm>
#include <memory>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/format.h"
#include "graft/data/label_cell.h"
#include "graft/data/names.h"
#include "graft/data/object_reader.h"
#include "graft/data/record_reader.h"
#include "graft/data/text_columns.h"
#include "graft/data/text_file.h"
#include "graft/data/text_records.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

class Records {
 public:
  /// Without `labelled` the texts alone are read.
  Records(const fs::path& path, const Options& options, bool labelled)
      : path_(path),
        options_(options),
        labelled_(labelled),
        where_(printable(path.string())),
        records_(where_, unit_of(path)),
        malformed_(where_, unit_of(path)),
        objects_(open_objects(path, records_.notes())) {}

  Listing open() {
    while (objects_->next()) {
      const int64_t number = objects_->number();
      ++seen_;
      if (!malformed_.try_to(number, [&] { json_ = objects_->take(); })) continue;
      if (names_.empty()) find_columns();
      malformed_.try_to(number, [&] { add(number); });
    }
    if (seen_ == 0) fail_unreadable("{} is empty", where_);
    malformed_.finish(seen_, records_.notes());
    if (labelled_ && unlabelled_ == seen_)
      fail_unreadable("{} has no label in any of its {} records", where_, grouped(seen_));
    if (unlabelled_ > 0) {
      records_.notes().push_back(fmt::format("{}: {} record(s) without a label are left out",
                                             where_, grouped(unlabelled_)));
    }
    if (columns_.labels.size() != 1) records_.allow_several();
    return records_.finish();
  }

 private:
  /// The first record says what the fields are called.
  void find_columns() {
    names_ = field_names(json_);
    columns_ = find_text_columns(names_, options_, where_, labelled_);
    if (columns_.labels.size() != 1) return;
    label_ = names_[columns_.labels[0]];
    if (marks_in(json_) == 0) return;
    marks_ = find_marks();
    for (size_t i = 0; i < marks_; ++i) records_.add_class(std::to_string(i));
    if (marks_ > 0) {
      records_.notes().push_back(fmt::format(
          "{}: '{}' has {} numbers of 0 and 1, which say for each class whether it is there; "
          "data.classes names them",
          where_, printable(label_), marks_));
    }
  }

  /// How many they are when a record's label is a list of 0 and 1; else 0.
  size_t marks_in(const Json& record) const {
    const auto found = record.find(label_);
    if (found == record.end() || !found->is_array() || found->size() < 2) return 0;
    const bool marks = std::ranges::all_of(*found, [](const Json& item) {
      return item.is_boolean() || (item.is_number() && (item == 0 || item == 1));
    });
    return marks ? found->size() : 0;
  }

  /// How many there are in every record; 0 where they differ: then they are numbers of classes.
  size_t find_marks() const {
    std::vector<std::string> notes;
    const auto objects = open_objects(path_, notes);
    size_t count = 0;
    while (objects->next()) {
      try {
        const Json record = objects->take();
        const auto label = record.find(label_);
        if (label == record.end() || label->is_null()) continue;
        const size_t here = marks_in(record);
        if (here == 0 || (count > 0 && here != count)) return 0;
        count = here;
      } catch (const Error& error) {
        if (error.code() != ErrorCode::unreadable) throw;  // told when it is read
      }
    }
    return count;
  }

  void add(int64_t number) {
    if (!is_labelled()) {
      ++unlabelled_;
      return;
    }
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
    records_.add(number, joined_, second, labels_, split_of(), id_of());
  }

  const Json& field(size_t i) const {
    static const Json none;
    const auto found = json_.find(names_[i]);
    return found == json_.end() ? none : *found;
  }

  std::string text_of(size_t i) const {
    const Json& value = field(i);
    if (!value.is_string()) {
      fail_unreadable("'{}' must be a text, got {}", printable(names_[i]), value.type_name());
    }
    return value.get<std::string>();
  }

  /// Tests that are judged elsewhere are given without labels: null says so.
  bool is_labelled() const {
    if (columns_.labels.size() != 1) return true;
    const auto label = json_.find(names_[columns_.labels[0]]);
    return label == json_.end() || !label->is_null();
  }

  void read_labels() {
    labels_.clear();
    if (columns_.labels.empty()) return;
    if (columns_.labels.size() > 1) {
      for (const size_t i : columns_.labels) {
        const std::string name = printable(names_[i]);
        const Json& value = field(i);
        const auto yes = marked(value.is_null() ? "" : label_text(value));
        if (!yes) fail_unreadable("'{}' must be 0 or 1, got {}", name, value.dump());
        if (*yes) labels_.push_back(name);
      }
      return;
    }
    const Json& value = field(columns_.labels[0]);
    if (value.is_array()) {
      records_.allow_several();
      for (size_t i = 0; i < value.size(); ++i) {
        if (marks_ == 0)
          labels_.push_back(label_text(value[i]));
        else if (value[i] == 1 || value[i] == true)
          labels_.push_back(std::to_string(i));
      }
    } else {
      labels_.push_back(label_text(value));
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

  fs::path path_;
  const Options& options_;
  bool labelled_;
  std::string where_;
  TextRecords records_;
  MalformedRecords malformed_;
  std::unique_ptr<ObjectReader> objects_;
  Json json_;  // the record at hand
  std::vector<std::string> names_;
  TextColumns columns_;
  std::string label_;  // the field, where it is one
  size_t marks_ = 0;   // of a list of 0 and 1 for each class, their number
  std::vector<std::string> labels_;
  std::string joined_;
  int64_t seen_ = 0;
  int64_t unlabelled_ = 0;
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

/// Whatever holds objects and was not taken by another format.
bool holds_records(const fs::path& path) {
  if (extension_of(path.string()) != "json") return holds_objects(path);
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
  format.summary =
      "records of text and label(s): one JSON object a line, a list of objects, or Parquet";
  format.source = "https://jsonlines.org";
  format.content = Content::texts;
  format.reads_files = true;
  format.options = text_column_options();
  format.detect = holds_records;
  format.open = [](const fs::path& path, const Options& options) {
    return Records(path, options, true).open();
  };
  format.open_unlabelled = [](const fs::path& path, const Options& options) {
    return Records(path, options, false).open();
  };
  return format;
}

}  // namespace graft::data::sources
