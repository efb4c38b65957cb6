#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "graft/data/object_reader.h"

namespace graft::data {

/// The records of a file by the names of their fields, whatever kind of file it is: objects
/// (object_reader.h), or a table with a header, whose cells are texts (table_objects.h).
class NamedRows {
 public:
  /// `notes` receives what a user should know of the file and of records that are left out.
  NamedRows(const std::filesystem::path& path, std::vector<std::string>& notes);

  const std::string& where() const { return where_; }
  /// What numbers of records count: "line" or "row".
  const std::string& unit() const { return unit_; }
  /// The fields of the first record, in their order; of a table its header. An error (exit code 3)
  /// where there is none.
  std::vector<std::string> names() const;
  /// Calls `take` with each record and its number, from 1. A record that is wrong in itself, or for
  /// which `take` throws an Error with exit code 3, is left out and counted in the notes; more than
  /// 1 % of them, and no record at all, are errors (exit code 3).
  void for_each(const std::function<void(int64_t number, const Json& row)>& take);

 private:
  std::string where_;
  std::string unit_;
  std::unique_ptr<ObjectReader> rows_;
  std::vector<std::string>& notes_;
};

/// The names of the fields of the first record, to tell formats apart; empty where none is in
/// sight. Never throws for damaged content.
std::vector<std::string> peek_names(const std::filesystem::path& path);

}  // namespace graft::data
