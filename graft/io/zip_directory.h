#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace graft::io {

struct ZipEntry {
  std::span<const uint8_t> data;  ///< a view on the file
  bool compressed = false;        ///< then `data` are the packed bytes
};
/// The entries of a zip archive by name.
using ZipEntries = std::map<std::string, ZipEntry, std::less<>>;

/// True when the bytes begin as a zip archive does.
bool is_zip(std::span<const uint8_t> file);

/// Reads the central directory (zip and zip64, PKWARE APPNOTE 6.3). Nothing is unpacked. Refused
/// (exit code 3, `where` names the file): encrypted entries, archives in several parts, names that
/// stand there twice or lead out of a folder, and entries that lie outside the file or over one
/// another.
ZipEntries read_zip_directory(std::span<const uint8_t> file, const std::string& where);

}  // namespace graft::io
