#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "graft/base/json.h"

namespace graft::data {

/// The records of a file as text, one after the other: its lines, or the members of the array that
/// it is. Errors (exit code 3) name `where` and the line. The text must outlive the reader.
class RecordReader {
 public:
  RecordReader(std::string_view text, std::string where);

  bool is_array() const { return array_; }
  /// False at the end. `line` is where the record begins, from 1.
  bool next(std::string_view& record, int64_t& line);

 private:
  void skip_blanks();
  bool next_member(std::string_view& record, int64_t& line);
  bool end_array();
  bool take(char c);
  /// To the comma or bracket behind the value.
  void skip_value();

  std::string_view text_;
  std::string where_;
  size_t at_ = 0;
  int64_t line_ = 1;
  bool array_ = false;
  bool first_ = true;
  bool closed_ = false;
};

/// The object that a record is. Errors have exit code 3.
Json parse_object(std::string_view record);

/// Leaves out records that are wrong in themselves, as long as they are few.
class MalformedRecords {
 public:
  /// `unit` is what their numbers count: "line" or "row".
  explicit MalformedRecords(std::string where, std::string unit = "line")
      : where_(std::move(where)), unit_(std::move(unit)) {}

  /// Does something with the record of a line (or row). False, and counted, where that throws an
  /// Error with exit code 3.
  bool try_to(int64_t line, const std::function<void()>& task);
  /// An error (exit code 3) with the first reason when more than 1 % of `seen` records are
  /// malformed; a note when some are.
  void finish(int64_t seen, std::vector<std::string>& notes) const;

 private:
  std::string where_;
  std::string unit_;
  int64_t count_ = 0;
  int64_t first_line_ = 0;
  std::string reason_;
};

}  // namespace graft::data
