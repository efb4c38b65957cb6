#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "graft/base/json.h"

namespace graft::data {

/// The rows of a Parquet file as objects, one after the other; a few of them are in memory at a
/// time. Columns are the fields, in their order, and null where a row has no value; lists, structs
/// and maps are what they are in JSON, without the members that are null. Numbers that are classes
/// (ClassLabel in the schema that Hugging Face's `datasets` writes) are the names of the classes,
/// null where they say that there is none. Bytes are Json's binary. Times and decimals are texts.
///
/// The Arrow libraries read the file. They come as a plugin (plugins/arrow), which is loaded when
/// the first file is opened: neither the program nor LibTorch in it sees anything of them.
class ParquetRows {
 public:
  ParquetRows() = default;
  virtual ~ParquetRows() = default;
  ParquetRows(const ParquetRows&) = delete;
  ParquetRows& operator=(const ParquetRows&) = delete;

  virtual int64_t size() const = 0;
  /// The next row; false at the end. Errors have exit code 3.
  virtual bool next(Json& row) = 0;
};

/// Whether this build of graft reads Parquet here.
bool reads_parquet();

/// Errors (exit code 3): a damaged file, one that needs more than 4 GiB at a time; where graft was
/// built without Arrow, what to do.
std::unique_ptr<ParquetRows> open_parquet(const std::filesystem::path& path);

}  // namespace graft::data
