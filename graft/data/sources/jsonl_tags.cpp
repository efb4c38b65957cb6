#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/format.h"
#include "graft/data/named_rows.h"
#include "graft/data/names.h"
#include "graft/data/object_reader.h"
#include "graft/data/row_fields.h"
#include "graft/data/tag_spans.h"
#include "graft/data/tagged_texts.h"
#include "graft/data/text_file.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

using Names = std::vector<std::string>;

/// Usual names of fields, the first that fits counts.
const Names kWords = {"tokens", "words"};
const Names kTags = {"ner_tags", "tags", "ner",        "labels",  "label",   "pos_tags",
                     "pos",      "upos", "chunk_tags", "tag_ids", "ner_ids", "fine_ner_tags"};
const Names kTexts = {"text", "sentence", "content", "document"};
const Names kSpans = {"entities", "spans", "labels", "label"};
/// … and of the members of a span.
const Names kBegins = {"start", "start_offset", "start_char", "begin"};
const Names kEnds = {"end", "end_offset", "end_char", "stop"};
const Names kTypes = {"label", "type", "entity", "entity_group", "entity_type", "tag", "class"};

const Json* member(const Json& object, const Names& names) {
  for (const std::string& name : names) {
    const auto found = object.find(name);
    if (found != object.end()) return &*found;
  }
  return nullptr;
}

bool is_list_of(const Json& value, bool (*fits)(const Json&)) {
  return value.is_array() && std::all_of(value.begin(), value.end(), fits);
}

bool is_text(const Json& value) {
  return value.is_string();
}

bool is_tag(const Json& value) {
  return value.is_string() || value.is_number_integer();
}

/// {start, end, label} or [start, end, label].
std::optional<NamedSpan> span_in(const Json& value) {
  std::array<const Json*, 3> parts = {};
  if (value.is_object()) {
    parts = {member(value, kBegins), member(value, kEnds), member(value, kTypes)};
  } else if (value.is_array() && value.size() == 3) {
    parts = {&value[0], &value[1], &value[2]};
  }
  const auto& [begin, end, type] = parts;
  if (!begin || !end || !type) return std::nullopt;
  if (!begin->is_number_integer() || !end->is_number_integer() || !type->is_string())
    return std::nullopt;
  return NamedSpan{begin->get<int64_t>(), end->get<int64_t>(), printable(type->get<std::string>())};
}

bool is_span(const Json& value) {
  return span_in(value).has_value();
}

/// The fields of a file.
struct Fields {
  std::string words, tags;  // lists of the same length
  std::string text, spans;  // or a text and stretches of it
  bool found() const { return !tags.empty() || !spans.empty(); }
};

/// What a record of this kind must have; `row` is the first of a file.
class Finder {
 public:
  Finder(const Json& row, const Options* options) : row_(row), options_(options) {}

  Fields find() const {
    Fields fields;
    fields.words = first("words", kWords, [](const Json& v) { return is_list_of(v, is_text); });
    if (!fields.words.empty()) {
      const size_t size = row_[fields.words].size();
      fields.tags = first("tags", kTags, [size](const Json& v) {
        return is_list_of(v, is_tag) && v.size() == size;
      });
      if (fields.found()) return fields;
    }
    fields.text = first("text", kTexts, is_text);
    if (fields.text.empty()) return {};
    fields.spans = first("entities", kSpans, [](const Json& v) { return is_list_of(v, is_span); });
    // An empty list says nothing about what it would hold.
    if (fields.found() && row_[fields.spans].empty() && !is_set("entities") &&
        fields.spans != "entities" && fields.spans != "spans")
      fields.spans.clear();
    return fields;
  }

 private:
  bool is_set(const char* key) const { return options_ && options_->is_set(key); }

  template <typename Fits>
  std::string first(const char* key, const Names& usual, const Fits& fits) const {
    const Names names = is_set(key) ? Names{options_->text(key)} : usual;
    for (const std::string& name : names) {
      const auto found = row_.find(name);
      if (found != row_.end() && fits(*found)) return name;
    }
    return "";
  }

  const Json& row_;
  const Options* options_;
};

class Records {
 public:
  Records(const fs::path& path, const Options& options)
      : options_(options),
        texts_(printable(path.string()), unit_of(path)),
        rows_(path, texts_.notes()),
        fields_(Finder(first_object(path), &options).find()) {
    if (fields_.found()) return;
    fail_unreadable(
        "{} has no words with tags: expected a list of words and one of their tags, such as "
        "{{\"tokens\": […], \"ner_tags\": […]}}, or a text and its entities, such as {{\"text\": "
        "…, \"entities\": [{{\"start\": 0, \"end\": 5, \"label\": \"PER\"}}]}}; name the fields in "
        "data.columns (words, tags, text, entities)",
        rows_.where());
  }

  Listing open() {
    rows_.for_each([this](int64_t line, const Json& row) {
      fields_.tags.empty() ? add_spans(line, row) : add_tags(line, row);
    });
    for (std::string& note : faults_.notes(rows_.where()))
      texts_.notes().push_back(std::move(note));
    texts_.notes().push_back(
        fields_.tags.empty()
            ? fmt::format("{}: '{}' has the entities of '{}', whose words are what white space and "
                          "punctuation separate",
                          rows_.where(), printable(fields_.spans), printable(fields_.text))
            : fmt::format("{}: '{}' has the tags of '{}'{}", rows_.where(), printable(fields_.tags),
                          printable(fields_.words),
                          numbers_ ? "; they are numbers, data.classes can name them" : ""));
    return texts_.finish();
  }

 private:
  static const Json& field(const Json& row, const std::string& name) {
    const auto found = row.find(name);
    if (found == row.end()) fail_unreadable("there is no field '{}'", printable(name));
    return *found;
  }

  void add_tags(int64_t line, const Json& row) {
    const Json& words = field(row, fields_.words);
    const Json& tags = field(row, fields_.tags);
    if (!is_list_of(words, is_text) || !is_list_of(tags, is_tag)) {
      fail_unreadable("'{}' must be a list of words and '{}' one of tags (texts or whole numbers)",
                      printable(fields_.words), printable(fields_.tags));
    }
    if (words.size() != tags.size()) {
      fail_unreadable("{} word(s), but {} tag(s): every word needs one", words.size(), tags.size());
    }
    Names names;
    for (const Json& tag : tags) {
      numbers_ = numbers_ || !tag.is_string();
      if (tag.is_number() && tag.get<int64_t>() < 0) {
        fail_unreadable("the tag {} is no class; every word needs one", tag.dump());
      }
      names.push_back(tag.is_string() ? std::string(trimmed(tag.get_ref<const std::string&>()))
                                      : tag.dump());
      if (names.back().empty()) fail_unreadable("a tag is empty");
    }
    texts_.add(line, words.get<Names>(), names, split_of_row(row, options_),
               id_of_row(row, options_));
  }

  void add_spans(int64_t line, const Json& row) {
    const Json& text = field(row, fields_.text);
    const Json& list = field(row, fields_.spans);
    if (!text.is_string() || !is_list_of(list, is_span)) {
      fail_unreadable(
          "'{}' must be a text and '{}' a list of {{start, end, label}} or [start, end, label]",
          printable(fields_.text), printable(fields_.spans));
    }
    std::vector<NamedSpan> spans;
    for (const Json& item : list) spans.push_back(*span_in(item));
    const auto& bytes = text.get_ref<const std::string&>();
    if (bytes.size() > kMaxRecordBytes)
      fail_unreadable("the text is longer than {} MiB", kMaxRecordBytes >> 20);
    const TaggedWords tagged = tag_words(bytes, std::move(spans), faults_);
    texts_.add(line, bytes, tagged.words, tagged.tags, split_of_row(row, options_),
               id_of_row(row, options_));
  }

  const Options& options_;
  TaggedTexts texts_;
  NamedRows rows_;
  Fields fields_;
  SpanFaults faults_;
  bool numbers_ = false;
};

}  // namespace

Format jsonl_tags() {
  Format format;
  format.name = "jsonl-tags";
  format.summary =
      "words and their tags, or texts and where their entities lie: one JSON object a line, or a "
      "list of objects";
  format.source = "data sets of Hugging Face; exports of Prodigy and Doccano";
  format.content = Content::texts;
  format.reads_files = true;
  format.options = {
      text("words", nullptr, "field with the list of words; default: tokens or words"),
      text("tags", nullptr,
           "field with the list of their tags; default: the first there is of ner_tags, tags, "
           "labels, pos_tags, …"),
      text("text", nullptr, "field with a text whose entities are given; default: text, …"),
      text("entities", nullptr,
           "field with the list of {start, end, label}, in characters; default: entities or spans"),
      text("split", nullptr,
           "field with train, validation or test; default: split when it says one of them"),
      text("id", nullptr, "field with a name for the text; default: its line")};
  format.detect = [](const fs::path& path) {
    if (!holds_objects(path)) return false;
    const Json row = first_object(path);
    return row.is_object() && Finder(row, nullptr).find().found();
  };
  format.open = [](const fs::path& path, const Options& options) {
    return Records(path, options).open();
  };
  return format;
}

}  // namespace graft::data::sources
