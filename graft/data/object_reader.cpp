#include "graft/data/object_reader.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/names.h"
#include "graft/data/parquet_rows.h"
#include "graft/data/parquet_shards.h"
#include "graft/data/record_reader.h"
#include "graft/data/text_file.h"

namespace graft::data {
namespace fs = std::filesystem;
namespace {

bool is_json(const fs::path& path) {
  const std::string extension = extension_of(path.string());
  std::error_code failed;
  return (extension == "json" || extension == "jsonl" || extension == "ndjson") &&
         fs::is_regular_file(path, failed);
}

/// "[{": a list whose members do not begin lines of their own, as json.dump writes it.
bool begins_in_one_line(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  text = trimmed(text.substr(0, 256));
  if (!text.starts_with('[')) return false;
  const size_t next = text.find_first_not_of(" \t", 1);
  return next != std::string_view::npos && text[next] == '{';
}

class JsonObjects final : public ObjectReader {
 public:
  JsonObjects(const fs::path& path, std::vector<std::string>& notes)
      : where_(printable(path.string())),
        text_(read_text_file(path, notes)),
        counts_(begins_in_one_line(text_)),
        reader_(text_, where_) {}

  std::vector<std::string> names() const override {
    RecordReader reader(text_, where_);
    std::string_view record;
    for (int64_t line = 0; reader.next(record, line);) {
      try {
        return field_names(parse_object(record));
      } catch (const Error& error) {
        if (error.code() != ErrorCode::unreadable) throw;  // told when it is taken
      }
    }
    return {};
  }
  bool next() override {
    ++count_;
    return reader_.next(record_, line_);
  }
  Json take() override { return parse_object(record_); }
  int64_t number() const override { return counts_ ? count_ : line_; }

 private:
  std::string where_;
  std::string text_;
  bool counts_;  // records, not lines
  RecordReader reader_;
  std::string_view record_;
  int64_t line_ = 0, count_ = 0;
};

class ParquetObjects final : public ObjectReader {
 public:
  ParquetObjects(const fs::path& path, std::vector<std::string>& notes)
      : shards_(parquet_shards(path, notes)) {}
  explicit ParquetObjects(std::vector<Part> shards) : shards_(std::move(shards)) {}

  std::vector<std::string> names() const override {
    ParquetObjects first(shards_);
    return first.next() ? field_names(first.row_) : std::vector<std::string>();
  }
  bool next() override {
    for (; shard_ < shards_.size(); ++shard_) {
      if (!rows_) rows_ = open_parquet(shards_[shard_].path);
      if (rows_->next(row_)) {
        const Split split = shards_[shard_].split;
        if (split != Split::none) row_["split"] = split_name(split);
        ++number_;
        return true;
      }
      rows_.reset();
    }
    return false;
  }
  Json take() override { return std::move(row_); }
  int64_t number() const override { return number_; }

 private:
  std::vector<Part> shards_;
  size_t shard_ = 0;
  std::unique_ptr<ParquetRows> rows_;  // of the shard at hand
  Json row_;
  int64_t number_ = 0;
};

Json first_json_object(const fs::path& path) {
  constexpr size_t kPeek = size_t{64} << 10;
  constexpr int kTried = 20;
  for (const size_t bytes : {kPeek, kMaxRecordBytes + kPeek}) {
    std::string text(bytes, '\0');
    std::ifstream file(path, std::ios::binary);
    file.read(text.data(), static_cast<std::streamsize>(bytes));
    text.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    // What is not ASCII is in no name that counts here, and may be of any encoding.
    for (char& c : text) c = static_cast<unsigned char>(c) < 0x80 ? c : '?';
    try {
      RecordReader reader(text, "");
      std::string_view record;
      int64_t line = 0;
      for (int i = 0; i < kTried && reader.next(record, line); ++i) {
        if (record.starts_with('{') && Json::accept(record)) return parse_object(record);
      }
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch)
      // The record may go on behind what was read.
    }
    if (text.size() < kPeek) break;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> field_names(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [key, value] : object.items()) names.push_back(key);
  return names;
}

const char* unit_of(const fs::path& path) {
  if (holds_parquet(path)) return "row";
  std::string text(256, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  return begins_in_one_line(text) ? "record" : "line";
}

bool holds_objects(const fs::path& path) {
  return is_json(path) || holds_parquet(path);
}

std::unique_ptr<ObjectReader> open_objects(const fs::path& path, std::vector<std::string>& notes) {
  if (holds_parquet(path)) return std::make_unique<ParquetObjects>(path, notes);
  return std::make_unique<JsonObjects>(path, notes);
}

Json first_object(const fs::path& path) {
  if (is_json(path)) return first_json_object(path);
  if (!holds_parquet(path) || !reads_parquet()) return nullptr;
  try {
    std::vector<std::string> notes;
    ParquetObjects rows(path, notes);
    if (rows.next()) return rows.take();
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch)
    // Told when the file is opened.
  }
  return nullptr;
}

}  // namespace graft::data
