#include "graft/data/json_lists.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string_view>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/base/json.h"
#include "graft/data/names.h"

namespace graft::data {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxBytes = size_t{4} << 30;
constexpr int kMaxDepth = 256;
using Kind = JsonField::Kind;

/// Receives the events of nlohmann's parser. Depth 0 is outside of the document.
class ListHandler : public nlohmann::json_sax<Json> {
 public:
  ListHandler(std::vector<JsonList>& lists, const std::string& where)
      : lists_(lists), where_(where) {}

  bool null() override {
    if (in_numbers()) return add_number(std::numeric_limits<double>::quiet_NaN());
    return scalar(Kind::null);
  }
  bool boolean(bool value) override {
    if (JsonField* field = scalar_field(Kind::boolean)) field->boolean = value;
    return true;
  }
  bool number_integer(number_integer_t value) override {
    return whole(value, static_cast<double>(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return number(static_cast<double>(value));
    return whole(static_cast<int64_t>(value), static_cast<double>(value));
  }
  bool number_float(number_float_t value, const string_t& /*text*/) override {
    return number(value);
  }
  bool string(string_t& value) override {
    if (JsonField* field = scalar_field(Kind::text)) field->text.swap(value);
    return true;
  }
  bool binary(binary_t& /*value*/) override { return true; }

  bool start_object(size_t /*size*/) override {
    spoil_field();
    enter();
    if (depth_ == record_depth_) begin_record();
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == 1 && !in_list()) {
      key_ = name;
      list_ = nullptr;
    } else if (in_list() && depth_ == record_depth_) {
      const auto at = std::find(list_->fields.begin(), list_->fields.end(), name);
      field_ = at == list_->fields.end()
                   ? nullptr
                   : &fields_[static_cast<size_t>(at - list_->fields.begin())];
    }
    return true;
  }
  bool end_object() override {
    if (in_list() && depth_ == record_depth_) list_->take(index_++, fields_);
    leave();
    return true;
  }
  bool start_array(size_t /*size*/) override {
    expect_object();
    if (!in_list() && depth_ < 2) begin_list();
    if (in_list() && depth_ == record_depth_ && field_) {
      field_->kind = Kind::numbers;
      field_->numbers.clear();
    } else {
      spoil_field();
    }
    enter();
    return true;
  }
  bool end_array() override {
    leave();
    if (in_list() && depth_ < record_depth_ - 1) record_depth_ = 0;
    return true;
  }
  bool parse_error(size_t position, const std::string& last_token,
                   const nlohmann::detail::exception& error) override {
    (void)error;
    fail_unreadable("{}: no valid JSON at byte {}, near '{}'", where_, position,
                    printable(last_token.substr(0, 40)));
  }

  void finish() const {
    for (const JsonList& list : lists_) {
      if (!list.found && list.key.empty())
        fail_unreadable("{}: expected a list of objects", where_);
    }
  }

 private:
  bool in_list() const { return record_depth_ > 0; }
  bool in_numbers() const {
    return in_list() && depth_ == record_depth_ + 1 && field_ && field_->kind == Kind::numbers;
  }

  void enter() {
    if (++depth_ > kMaxDepth)
      fail_unreadable("{}: nested deeper than {} levels", where_, kMaxDepth);
  }
  void leave() { --depth_; }

  /// A list at the top, or directly below a key of the document.
  void begin_list() {
    const std::string name = depth_ == 0 ? "" : key_;
    const auto wanted = std::find_if(lists_.begin(), lists_.end(),
                                     [&](const JsonList& l) { return l.key == name; });
    if (wanted == lists_.end()) return;
    if (wanted->found) fail_unreadable("{}: '{}' stands there twice", where_, name);
    list_ = &*wanted;
    list_->found = true;
    record_depth_ = depth_ + 2;
    index_ = 0;
  }

  void begin_record() {
    fields_.resize(list_->fields.size());
    for (JsonField& field : fields_) {
      field.kind = Kind::absent;
      field.is_whole = false;
    }
    field_ = nullptr;
  }

  /// A list or an object inside a field: it is no list of numbers.
  void spoil_field() {
    if (!in_list() || depth_ < record_depth_ || !field_) return;
    field_->kind = Kind::other;
  }

  JsonField* scalar_field(Kind kind) {
    expect_object();
    if (in_numbers()) field_->kind = Kind::other;
    if (!in_list() || depth_ != record_depth_ || !field_) return nullptr;
    field_->kind = kind;
    return field_;
  }
  bool scalar(Kind kind) {
    scalar_field(kind);
    return true;
  }
  bool number(double value) {
    if (in_numbers()) return add_number(value);
    if (JsonField* field = scalar_field(Kind::number)) field->number = value;
    return true;
  }
  bool whole(int64_t value, double number_value) {
    if (in_numbers()) return add_number(number_value);
    if (JsonField* field = scalar_field(Kind::number)) {
      field->number = number_value;
      field->whole = value;
      field->is_whole = true;
    }
    return true;
  }
  bool add_number(double value) {
    field_->numbers.push_back(value);
    return true;
  }

  /// What stands directly in a list must be objects.
  void expect_object() const {
    if (in_list() && depth_ == record_depth_ - 1) {
      fail_unreadable("{}: member {} of {} is no object", where_, index_,
                      list_->key.empty() ? "the list" : "'" + list_->key + "'");
    }
  }

  std::vector<JsonList>& lists_;
  const std::string& where_;
  std::string key_;
  JsonList* list_ = nullptr;
  int depth_ = 0;
  int record_depth_ = 0;  // of the objects of the list at hand; 0 outside of lists
  int64_t index_ = 0;
  std::vector<JsonField> fields_;
  JsonField* field_ = nullptr;
};

/// Python's json writes NaN and Infinity. They become null, outside of strings.
void replace_non_numbers(std::string& text) {
  if (text.find("NaN") == std::string::npos && text.find("Infinity") == std::string::npos) return;
  std::string result;
  result.reserve(text.size());
  bool quoted = false;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::string_view rest = std::string_view(text).substr(i, 9);
    size_t skipped = 0;
    if (!quoted) {
      for (const std::string_view word : {"NaN", "-Infinity", "Infinity", "-NaN"}) {
        if (rest.starts_with(word)) skipped = word.size();
      }
    }
    if (skipped > 0) {
      result += "null";
      i += skipped;
      continue;
    }
    if (c == '"') quoted = !quoted;
    result += c;
    if (quoted && c == '\\' && i + 1 < text.size()) result += text[++i];
    ++i;
  }
  text = std::move(result);
}

/// Answers as soon as it knows.
class BeginHandler : public nlohmann::json_sax<Json> {
 public:
  explicit BeginHandler(const std::vector<std::string>& keys) : keys_(keys) {}
  bool found() const { return found_; }

  bool null() override { return next(); }
  bool boolean(bool) override { return next(); }
  bool number_integer(number_integer_t) override { return next(); }
  bool number_unsigned(number_unsigned_t) override { return next(); }
  bool number_float(number_float_t, const string_t&) override { return next(); }
  bool string(string_t&) override { return next(); }
  bool binary(binary_t&) override { return next(); }
  bool start_object(size_t) override {
    found_ = in_wanted_;
    return !found_ && ++depth_ <= kMaxDepth;
  }
  bool key(string_t& name) override {
    wanted_ = depth_ == 1 && std::find(keys_.begin(), keys_.end(), name) != keys_.end();
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(size_t) override {
    if (depth_ == 0) return false;  // a list is no document with lists
    in_wanted_ = wanted_ && depth_ == 1;
    wanted_ = false;
    return ++depth_ <= kMaxDepth;
  }
  bool end_array() override {
    in_wanted_ = false;
    --depth_;
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool next() {
    wanted_ = in_wanted_ = false;
    return true;
  }

  const std::vector<std::string>& keys_;
  int depth_ = 0;
  bool wanted_ = false;     // the key at hand is one of keys_
  bool in_wanted_ = false;  // its list has just begun
  bool found_ = false;
};

}  // namespace

void read_json_lists(const fs::path& path, std::vector<JsonList>& lists) {
  const std::string where = printable(path.string());
  std::string text = read_file(path, kMaxBytes);
  replace_non_numbers(text);
  ListHandler handler(lists, where);
  Json::sax_parse(text, &handler);
  handler.finish();
}

bool begins_with_lists(const fs::path& path, const std::vector<std::string>& keys) {
  constexpr size_t kPeek = size_t{1} << 20;
  std::error_code failed;
  if (!fs::is_regular_file(path, failed)) return false;
  std::string text(kPeek, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(text.data(), static_cast<std::streamsize>(kPeek));
  text.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  replace_non_numbers(text);
  BeginHandler handler(keys);
  Json::sax_parse(text, &handler);
  return handler.found();
}

}  // namespace graft::data
