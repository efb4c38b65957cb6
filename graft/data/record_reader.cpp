#include "graft/data/record_reader.h"

#include <utility>

#include "graft/base/error.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"

namespace graft::data {
namespace {

constexpr double kMaxMalformed = 0.01;  // of the records

}  // namespace

RecordReader::RecordReader(std::string_view text, std::string where)
    : text_(text), where_(std::move(where)) {
  skip_blanks();
  array_ = at_ < text_.size() && text_[at_] == '[';
  if (array_) ++at_;
}

bool RecordReader::next(std::string_view& record, int64_t& line) {
  skip_blanks();
  if (array_) return next_member(record, line);
  if (at_ == text_.size()) return false;
  line = line_;
  const size_t end = std::min(text_.find('\n', at_), text_.size());
  record = trimmed(text_.substr(at_, end - at_));
  at_ = end;
  return true;
}

void RecordReader::skip_blanks() {
  while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string::npos)
    line_ += text_[at_++] == '\n' ? 1 : 0;
}

bool RecordReader::next_member(std::string_view& record, int64_t& line) {
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

bool RecordReader::end_array() {
  closed_ = true;
  skip_blanks();
  if (at_ != text_.size()) {
    fail_unreadable("{}, line {}: there is text after the list", where_, line_);
  }
  return false;
}

bool RecordReader::take(char c) {
  if (at_ >= text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

void RecordReader::skip_value() {
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

Json parse_object(std::string_view record) {
  if (record.size() > kMaxRecordBytes) fail_unreadable("the record is longer than 16 MiB");
  Json json = parse_json(std::string(record), "the record");
  if (!json.is_object()) fail_unreadable("expected an object {{…}}, got {}", json.type_name());
  return json;
}

bool MalformedRecords::try_to(int64_t line, const std::function<void()>& task) {
  try {
    task();
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unreadable) throw;
    if (count_++ == 0) {
      first_line_ = line;
      reason_ = printable(error.what());
    }
    return false;
  }
}

void MalformedRecords::finish(int64_t seen, std::vector<std::string>& notes) const {
  if (count_ == 0) return;
  if (static_cast<double>(count_) / static_cast<double>(seen) > kMaxMalformed) {
    fail_unreadable("{}, {} {}: {} ({} of {} records are malformed; up to 1 % are left out)",
                    where_, unit_, first_line_, reason_, grouped(count_), grouped(seen));
  }
  notes.push_back(fmt::format("{}: {} malformed record(s) are left out, the first in {} {}: {}",
                              where_, grouped(count_), unit_, first_line_, reason_));
}

}  // namespace graft::data
