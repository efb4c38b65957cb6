#include "graft/base/files.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/mapped_pages.h"

namespace graft {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail_io(const char* action, const fs::path& path) {
  const int code = errno;
  const char* hint = code == ENOSPC   ? "; free some space, nothing that was there before is lost"
                     : code == EACCES ? "; check the permissions of the folder"
                                      : "";
  fail(code == ENOENT ? ErrorCode::unreadable : ErrorCode::internal, "cannot {} {}: {}{}", action,
       path.string(), std::strerror(code), hint);
}

/// Closes what it holds.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

void write_all(int file, const void* data, size_t bytes, const fs::path& path) {
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t done = ::write(file, at, bytes);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail_io("write", path);
    at += done;
    bytes -= static_cast<size_t>(done);
  }
}

void sync_folder(const fs::path& folder) {
  Descriptor dir(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (dir.get() >= 0) ::fsync(dir.get());
}

/// Files that are mapped now, by where they begin.
std::map<const uint8_t*, size_t>& mappings() {
  static auto* all = new std::map<const uint8_t*, size_t>;  // outlives statics that hold files
  return *all;
}
std::mutex mappings_mutex;

}  // namespace

std::string read_file(const fs::path& path, size_t max_bytes) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail_io("read", path);
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) fail_io("read", path);
  if (!S_ISREG(info.st_mode))
    fail_unreadable("cannot read {}: it is not a regular file", path.string());
  if (static_cast<size_t>(info.st_size) > max_bytes) {
    fail_unreadable("{} has {} bytes; at most {} are expected of such a file", path.string(),
                    info.st_size, max_bytes);
  }
  std::string content(static_cast<size_t>(info.st_size), '\0');
  size_t at = 0;
  while (at < content.size()) {
    const ssize_t done = ::read(file.get(), content.data() + at, content.size() - at);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail_io("read", path);
    if (done == 0) break;
    at += static_cast<size_t>(done);
  }
  content.resize(at);
  return content;
}

void write_atomically(const fs::path& path, const std::function<void(const ByteSink&)>& produce) {
  fs::path target = path;
  if (fs::exists(path) && !fs::is_regular_file(path)) {  // a device or a pipe stays what it is
    Descriptor there(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (there.get() < 0) fail_io("write", path);
    produce([&](const void* data, size_t bytes) { write_all(there.get(), data, bytes, target); });
    return;
  }
  fs::path temporary = path;
  temporary += ".tmp" + std::to_string(::getpid());
  try {
    Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.get() < 0) fail_io("write", temporary);
    produce([&](const void* data, size_t bytes) { write_all(file.get(), data, bytes, target); });
    if (::fsync(file.get()) != 0) fail_io("write", target);
    if (::close(file.release()) != 0) fail_io("write", target);
    if (::rename(temporary.c_str(), target.c_str()) != 0) fail_io("write", target);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder(target.parent_path());
}

void write_atomically(const fs::path& path, std::string_view content) {
  write_atomically(path, [&](const ByteSink& sink) { sink(content.data(), content.size()); });
}

namespace {

/// Length of a file up to and with its last line end.
int64_t whole_lines(int file, int64_t size, const fs::path& path) {
  char byte = 0;
  for (; size > 0; --size) {
    if (::pread(file, &byte, 1, size - 1) != 1) fail_io("read", path);
    if (byte == '\n') break;
  }
  return size;
}

}  // namespace

LineWriter::LineWriter(const fs::path& path, int64_t keep_bytes) : path_(path.string()) {
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) fail_io("write", path);
  size_ = ::lseek(file_, 0, SEEK_END);
  if (keep_bytes < 0) return;
  // Growing a file to a length that it never had would fill it with zeros.
  const int64_t kept = keep_bytes > size_ ? whole_lines(file_, size_, path) : keep_bytes;
  missing_ = keep_bytes - kept;
  if (::ftruncate(file_, kept) != 0) fail_io("cut", path);
  size_ = kept;
}

LineWriter::~LineWriter() {
  try {
    flush();
  } catch (const Error&) {
    waiting_.clear();  // lost: whoever must know calls sync()
  }
  if (file_ >= 0) ::close(file_);
}

void LineWriter::write(std::string_view line) {
  waiting_ += line;
  waiting_ += '\n';
  size_ += static_cast<int64_t>(line.size()) + 1;
  flush();
}

void LineWriter::add(std::string_view line) {
  constexpr size_t kMany = size_t{1} << 16;
  constexpr double kLate = 0.25;
  waiting_ += line;
  waiting_ += '\n';
  size_ += static_cast<int64_t>(line.size()) + 1;
  if (waiting_.size() >= kMany || seconds_since_process_start() - flushed_s_ >= kLate) flush();
}

void LineWriter::flush() {
  if (waiting_.empty()) return;
  const std::string text = std::exchange(waiting_, {});
  write_all(file_, text.data(), text.size(), path_);
  flushed_s_ = seconds_since_process_start();
}

void LineWriter::sync() {
  flush();
  if (::fdatasync(file_) != 0) fail_io("write", path_);
}

FolderLock::FolderLock(const fs::path& folder) {
  const fs::path path = folder / ".lock";
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0) fail_io("lock", path);
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    ::close(file_);
    fail_usage("{} is in use by another graft process; wait for it, or give another output=",
               folder.string());
  }
}

FolderLock::~FolderLock() {
  if (file_ >= 0) ::close(file_);
}

MappedFile::MappedFile(const fs::path& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail_io("read", path);
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) fail_io("read", path);
  if (!S_ISREG(info.st_mode))
    fail_unreadable("cannot read {}: it is not a regular file", path.string());
  size_ = static_cast<size_t>(info.st_size);
  if (size_ == 0) return;
  // A private mapping stays writable for code that wants a scratch view; the file never changes.
  void* at = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.get(), 0);
  if (at == MAP_FAILED) fail_io("map", path);
  data_ = static_cast<const uint8_t*>(at);
  const std::lock_guard lock(mappings_mutex);
  mappings()[data_] = size_;
}

MappedFile::~MappedFile() {
  if (!data_) return;
  {
    const std::lock_guard lock(mappings_mutex);
    mappings().erase(data_);
  }
  ::munmap(const_cast<uint8_t*>(data_), size_);
}

void release_pages(const void* begin, size_t bytes) {
  static const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto* first = static_cast<const uint8_t*>(begin);
  const std::lock_guard lock(mappings_mutex);
  auto found = mappings().upper_bound(first);
  if (found == mappings().begin()) return;
  --found;
  const uint8_t* start = found->first;  // of a page
  if (bytes > found->second || static_cast<size_t>(first - start) > found->second - bytes) return;
  const size_t from = (static_cast<size_t>(first - start) + page - 1) / page * page;
  const size_t to = (static_cast<size_t>(first - start) + bytes) / page * page;
  if (from < to) ::madvise(const_cast<uint8_t*>(start) + from, to - from, MADV_DONTNEED);
}

std::vector<fs::path> glob_files(const std::string& pattern) {
  glob_t found{};
  std::vector<fs::path> paths;
  if (::glob(pattern.c_str(), GLOB_TILDE, nullptr, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  return paths;
}

fs::path join_inside(const fs::path& root, const std::string& relative) {
  const fs::path part(relative);
  bool leaves = part.is_absolute() || relative.find('\0') != std::string::npos;
  for (const auto& step : part) leaves = leaves || step == "..";
  if (leaves || relative.empty()) {
    fail_unreadable(
        "the path '{}' does not stay inside {}; paths must be relative and without '..'", relative,
        root.string());
  }
  return root / part;
}

}  // namespace graft
