#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/csv_reader.h"
#include "graft/data/format.h"
#include "graft/data/names.h"
#include "graft/data/object_reader.h"
#include "graft/data/record_reader.h"
#include "graft/data/text_columns.h"
#include "graft/data/text_file.h"
#include "graft/data/text_records.h"
#include "graft/text/chat/record.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

using Names = std::vector<std::string>;

/// Fields that other names may stand for.
constexpr std::array<const char*, 12> kFields = {"text",     "prompt", "completion", "instruction",
                                                 "input",    "output", "system",     "history",
                                                 "messages", "tools",  "chosen",     "rejected"};
/// Cells of a table that hold JSON.
const std::set<std::string> kJsonCells = {"messages",  "conversations", "conversation",
                                          "tools",     "history",       "segments",
                                          "input_ids", "labels",        "attention_mask"};

bool is_table(const fs::path& path) {
  const std::string extension = extension_of(path.string());
  return extension == "csv" || extension == "tsv";
}

/// A text whose only other field could be its label is there to be classified.
bool has_label(const Json& object) {
  Names names;
  for (const auto& [key, value] : object.items()) names.push_back(key);
  try {
    const TextColumns columns =
        find_text_columns(names, Options(text_column_options(), nullptr, "columns"), "a record");
    return std::all_of(columns.labels.begin(), columns.labels.end(), [&](size_t i) {
      const Json& value = object.at(names[i]);
      return value.is_primitive() ||
             (value.is_array() && (value.empty() || !value[0].is_structured()));
    });
  } catch (const Error&) {
    return false;  // no label, or nothing that is surely one
  }
}

/// Whether an object is a record to learn to write, and not one to classify.
bool is_record(const Json& object) {
  const std::string shape = texts::record_shape(object);
  if (shape.empty()) return false;
  if (shape == "text") return !has_label(object);
  // Questions and answers with a label are pairs (WikiQA); the other shapes are not mistaken.
  const bool pair = shape.find('/') != std::string::npos && !shape.starts_with("instruction") &&
                    shape != "prompt/completion";
  return !pair || (!object.contains("label") && !object.contains("labels"));
}

Json object_of(const Names& names, const Names& cells) {
  Json object = Json::object();
  for (size_t i = 0; i < names.size() && i < cells.size(); ++i) {
    const std::string_view cell = trimmed(cells[i]);
    if (names[i] == "label" || names[i] == "kto_tag") {
      const std::string word = lowered(std::string(cell));
      object[names[i]] = word == "true" || word == "false" ? Json(word == "true") : Json(word);
    } else if (!kJsonCells.contains(names[i])) {
      object[names[i]] = cells[i];
    } else if (!cell.empty()) {
      object[names[i]] = parse_json(std::string(cell), "the cell '" + names[i] + "'");
    }
  }
  return object;
}

/// The names in a header and what separates them; the separator is 0 where they make no record.
std::pair<Names, char> header_of(const std::string& line) {
  for (const char separator : {',', '\t', ';'}) {
    Names names;
    Json object = Json::object();
    try {
      const std::string where;
      CsvReader reader(line, separator, true, where);
      CsvRow row;
      if (!reader.next(row)) continue;
      for (const auto& cell : row.cells) names.emplace_back(trimmed(cell));
    } catch (const Error&) {
      continue;
    }
    for (const auto& name : names)
      object[name] = kJsonCells.contains(name) ? Json::array() : Json("");
    // A table of texts and other columns has a label among them, whichever it is.
    const bool more = std::any_of(names.begin(), names.end(), [](const std::string& name) {
      return name != "text" && name != "id" && name != "split";
    });
    const bool text = texts::record_shape(object) == "text";
    if (is_record(object) && !(text && more)) return {names, separator};
  }
  return {};
}

class Reader {
 public:
  Reader(const fs::path& path, const Options& options)
      : options_(options),
        where_(printable(path.string())),
        records_(where_, unit_of(path)),
        malformed_(where_, unit_of(path)) {
    if (is_table(path))
      table_ = read_text_file(path, records_.notes());
    else
      objects_ = open_objects(path, records_.notes());
  }

  Listing open() {
    objects_ ? read_objects() : read_table();
    if (seen_ == 0) fail_unreadable("{} is empty", where_);
    auto& notes = records_.notes();
    malformed_.finish(seen_, notes);
    note_shapes(notes);
    if (added_ == 0) {
      const auto& [reason, count] = *unused_.begin();
      fail_unreadable("{} holds no record to learn from: of {} {}", where_, grouped(count), reason);
    }
    records_.allow_several();  // that is, none either
    Listing listing = records_.finish();
    listing.target = Target::next_token;
    return listing;
  }

 private:
  void read_objects() {
    while (objects_->next()) {
      ++seen_;
      malformed_.try_to(objects_->number(), [&] { add(objects_->number(), objects_->take()); });
    }
  }

  void read_table() {
    std::string_view first;
    LineReader(table_).next(first);
    const std::string header(first);
    auto [names, separator] = header_of(header);
    // With names given, the header need not make a record by itself.
    if (separator == 0) separator = header.find('\t') != std::string::npos ? '\t' : ',';
    CsvReader reader(table_, separator, true, where_);
    CsvRow row;
    if (!reader.next(row)) return;
    names.clear();
    for (const auto& cell : row.cells) names.emplace_back(trimmed(cell));
    while (reader.next(row)) {
      ++seen_;
      malformed_.try_to(row.line, [&] {
        if (row.cells.size() != names.size()) {
          fail_unreadable("{} cell(s), but the header has {}; quote cells that hold a separator",
                          row.cells.size(), names.size());
        }
        add(row.line, object_of(names, row.cells));
      });
    }
  }

  void add(int64_t line, Json object) {
    if (!checked_) check_names(object);
    checked_ = true;
    const Split split = split_of(object);
    const std::string id = id_of(object);
    for (const char* field : kFields) rename(object, field);
    const texts::Record record = texts::read_record(object);
    const std::string unused = texts::why_unused(record);
    ++(unused.empty() ? shapes_[record.described] : unused_[unused]);
    if (!unused.empty()) return;
    records_.add(line, record.line(), std::nullopt, {}, split, id);
    preferences_ = preferences_ || record.shape == texts::Record::Shape::preference;
    ++added_;
  }

  /// A name that is mistyped would make every record malformed.
  void check_names(const Json& object) const {
    Names fields;
    for (const auto& [key, value] : object.items()) fields.push_back(key);
    for (const auto& [key, value] : options_.json().items()) {
      if (!options_.is_set(key) || object.contains(options_.text(key))) continue;
      fail_usage("{} has no field '{}' (data.columns.{}){}; its fields are: {}", where_,
                 printable(options_.text(key)), key, did_you_mean(options_.text(key), fields),
                 printable(join_some(fields)));
    }
  }

  void rename(Json& object, const char* field) const {
    if (!options_.is_set(field)) return;
    const std::string name = options_.text(field);
    const auto found = object.find(name);
    if (name == field || found == object.end()) return;
    Json value = *found;
    object.erase(name);
    object[field] = std::move(value);
  }

  Split split_of(const Json& object) const {
    const bool given = options_.is_set("split");
    const auto found = object.find(given ? options_.text("split") : "split");
    if (found == object.end()) return Split::none;
    const Split split = found->is_string() ? split_called(found->get<std::string>()) : Split::none;
    if (split == Split::none && given)
      fail_unreadable("the split {} is none of train, validation and test", found->dump());
    return split;
  }

  std::string id_of(const Json& object) const {
    if (!options_.is_set("id")) return "";
    const auto found = object.find(options_.text("id"));
    if (found == object.end() || found->is_null()) return "";
    return found->is_string() ? found->get<std::string>() : found->dump();
  }

  void note_shapes(Names& notes) const {
    std::string shapes;
    for (const auto& [shape, count] : shapes_) {
      shapes += (shapes.empty() ? "" : ", ") + shape;
      if (shapes_.size() > 1) shapes += fmt::format(" ({})", grouped(count));
    }
    if (!shapes.empty())
      notes.push_back(fmt::format("{}: records of the shape {}", where_, shapes));
    if (preferences_) {
      notes.push_back(
          fmt::format("{}: the chosen answers are learned; rejected ones are not used, except by "
                      "train.loss=dpo, which learns the preference",
                      where_));
    }
    for (const auto& [reason, count] : unused_) {
      notes.push_back(
          fmt::format("{}: {} record(s) are left out: {}", where_, grouped(count), reason));
    }
  }

  const Options& options_;
  std::string where_;
  TextRecords records_;
  MalformedRecords malformed_;
  std::string table_;                      // of a table
  std::unique_ptr<ObjectReader> objects_;  // of anything else
  bool checked_ = false;
  bool preferences_ = false;
  int64_t seen_ = 0;
  int64_t added_ = 0;
  std::map<std::string, int64_t> shapes_;  // as people call them
  std::map<std::string, int64_t> unused_;  // by reason
};

}  // namespace

Format records() {
  Format format;
  format.name = "records";
  format.summary =
      "texts, prompts and completions, instructions, conversations, preferences or tokens, for "
      "language models to learn: JSON, Parquet, or a table with a header";
  format.source = "formats of TRL, Stanford Alpaca, ShareGPT, OpenAI, axolotl";
  format.content = Content::texts;
  format.reads_files = true;
  for (const char* field : kFields) {
    format.options.push_back(
        text(field, nullptr, fmt::format("what the field '{}' is called in the data", field)));
  }
  format.options.push_back(text("split", nullptr,
                                "field with train, validation or test; default: split when it "
                                "says one of them"));
  format.options.push_back(
      text("id", nullptr, "field with a name for the record; default: its line"));
  format.detect = [](const fs::path& path) {
    if (holds_objects(path)) return is_record(first_object(path));
    if (!is_table(path)) return false;
    const auto lines = first_lines(path);
    return !lines.empty() && header_of(lines.front()).second != 0;
  };
  format.open = [](const fs::path& path, const Options& options) {
    return Reader(path, options).open();
  };
  return format;
}

}  // namespace graft::data::sources
