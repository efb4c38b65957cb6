#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace graft {

/// Reads a whole file; throws when it is missing, not a regular file, or longer than `max_bytes`.
std::string read_file(const std::filesystem::path& path, size_t max_bytes);

/// Writes beside the target, syncs, renames: readers see the old file or the new one, never a part.
/// A full disk leaves the old file and is an error that says so.
void write_atomically(const std::filesystem::path& path, std::string_view content);
/// The same for content that is produced in pieces: `produce` receives a writer of bytes.
using ByteSink = std::function<void(const void* data, size_t bytes)>;
void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const ByteSink&)>& produce);

/// Appends lines to a file that others read while it grows.
class LineWriter {
 public:
  /// Opens for appending. `keep_bytes` >= 0 cuts the file to that length first (resume); one that
  /// is shorter is cut behind its last whole line.
  explicit LineWriter(const std::filesystem::path& path, int64_t keep_bytes = -1);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  void write(std::string_view line);
  /// A line that may wait for the next, a quarter of a second at most while lines come: writing
  /// each takes longer than a small step of training.
  void add(std::string_view line);
  /// Returns when all that was written would survive a power cut.
  void sync();
  /// Length of the file in bytes, all lines included.
  int64_t size() const { return size_; }
  /// Bytes that `keep_bytes` counted and the file did not have.
  int64_t missing() const { return missing_; }

 private:
  void flush();

  int file_ = -1;
  int64_t size_ = 0;
  int64_t missing_ = 0;
  std::string waiting_;
  double flushed_s_ = 0;
  std::string path_;
};

/// An exclusive lock on a folder, released at destruction or when the process dies.
class FolderLock {
 public:
  /// Throws (exit code 2) when another process holds it.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_ = -1;
};

/// A file mapped for reading. The bytes live as long as the object.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const uint8_t> bytes() const { return {data_, size_}; }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

/// Files that match a shell pattern, sorted. No match gives an empty list.
std::vector<std::filesystem::path> glob_files(const std::string& pattern);

/// `root / relative`, refused (exit code 3) when it would leave `root` ("..", absolute).
std::filesystem::path join_inside(const std::filesystem::path& root, const std::string& relative);

}  // namespace graft
