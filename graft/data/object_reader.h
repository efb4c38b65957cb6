#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "graft/base/json.h"

namespace graft::data {

/// The objects of a file, one after the other, whatever kind of file it is: the lines of JSON
/// lines, the members of a list in JSON, the rows of Parquet. A folder of Parquet files (shards) is
/// read as one; where their names say a split, each of their rows has it as its field `split`.
class ObjectReader {
 public:
  ObjectReader() = default;
  virtual ~ObjectReader() = default;
  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  /// The fields of the first object; empty where there is none.
  virtual std::vector<std::string> names() const = 0;
  /// Goes to the next; false at the end. Errors (exit code 3) name the file.
  virtual bool next() = 0;
  /// The one at hand, once. An error (exit code 3) when it is none, which says nothing of others.
  virtual Json take() = 0;
  /// The line in which it begins, or its place among all rows, or among the members of a list that
  /// stands in one line; from 1.
  virtual int64_t number() const = 0;
};

/// What `ObjectReader::number` counts at such a path: "line", "row" or "record".
const char* unit_of(const std::filesystem::path& path);

/// The names of an object's fields, in their order.
std::vector<std::string> field_names(const Json& object);

/// Whether a path is a file of objects by its name (.json, .jsonl, .ndjson, .parquet), or a folder
/// of Parquet files.
bool holds_objects(const std::filesystem::path& path);

/// Opens such a path. `notes` receives what a user should know of the file's text.
std::unique_ptr<ObjectReader> open_objects(const std::filesystem::path& path,
                                           std::vector<std::string>& notes);

/// The first object among the first records, to tell formats apart; null when none is in sight.
/// Never throws for damaged content.
Json first_object(const std::filesystem::path& path);

}  // namespace graft::data
