#include "graft/data/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>

#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/data/gunzip.h"
#include "graft/data/names.h"

namespace graft::data {
namespace {

constexpr size_t kChunk = size_t{16} << 20;
constexpr size_t kBlock = size_t{1} << 20;

/// The path without "./", doubled and trailing slashes; an error when it leaves the archive.
std::string clean_path(const std::string& raw, const std::string& where) {
  std::string clean;
  bool leaves = raw.empty() || raw[0] == '/';
  for (size_t start = 0; start < raw.size() && !leaves;) {
    const size_t end = std::min(raw.find('/', start), raw.size());
    const std::string part = raw.substr(start, end - start);
    leaves = part == "..";
    if (!part.empty() && part != ".") clean += (clean.empty() ? "" : "/") + part;
    start = end + 1;
  }
  if (leaves) {
    fail_unreadable(
        "{} has a member '{}' that would lie outside; members must be relative and without '..'",
        where, printable(raw));
  }
  return clean;
}

}  // namespace

/// libarchive's tar reader over the mapped bytes, unpacked on the way when they are gzip.
struct Archive::Reader {
  Reader(std::span<const uint8_t> bytes, const std::string& name)
      : where(name), packed(is_gzip(bytes)) {
    ::archive_read_support_format_tar(handle);
    int code = ARCHIVE_OK;
    if (packed) {
      gunzip = std::make_unique<Gunzip>(bytes, name);
      block.resize(kBlock);
      code = ::archive_read_open(handle, this, nullptr, &Reader::read_block, nullptr);
    } else {
      code = ::archive_read_open_memory(handle, bytes.data(), bytes.size());
    }
    if (code != ARCHIVE_OK) fail_now();
  }
  ~Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  static la_ssize_t read_block(archive* handle, void* self, const void** at) {
    auto& reader = *static_cast<Reader*>(self);
    *at = reader.block.data();
    try {
      return static_cast<la_ssize_t>(reader.gunzip->read(reader.block));
    } catch (...) {  // must not pass through C
      reader.thrown = std::current_exception();
      ::archive_set_error(handle, EIO, "unreadable");
      return -1;
    }
  }

  [[noreturn]] void fail_now() const {
    if (thrown) std::rethrow_exception(thrown);
    const char* text = ::archive_error_string(handle);
    fail_unreadable("{} is not a readable tar file: {}", where, text ? text : "it is damaged");
  }

  /// Reads to the end, so that the check sum of the whole is verified.
  void drain() {
    if (!packed) return;
    // Padding beyond this is no archive but a bomb.
    for (size_t blocks = 0; blocks < 64; ++blocks) {
      if (gunzip->read(block) < block.size()) return;
    }
    fail_unreadable("{} goes on for more than {} after its last member", where,
                    show_bytes(64.0 * kBlock));
  }

  struct Free {
    void operator()(archive* a) const { ::archive_read_free(a); }
  };
  // A member of its own, because a constructor that throws runs no destructor.
  std::unique_ptr<archive, Free> owner{::archive_read_new()};
  std::string where;
  bool packed;
  archive* handle = owner.get();
  std::unique_ptr<Gunzip> gunzip;
  std::vector<uint8_t> block;
  std::exception_ptr thrown;
};

Archive::Archive(const std::filesystem::path& path,
                 const std::function<bool(const std::string&)>& keep, int64_t max_bytes)
    : file_(path), where_(path.string()), left_(max_bytes) {
  if (file_.bytes().empty()) fail_unreadable("{} is empty", where_);
  Reader reader(file_.bytes(), where_);
  for (int64_t count = 0;; ++count) {
    if (count > kMaxMembers)
      fail_unreadable("{} has more than {} members", where_, grouped(kMaxMembers));
    archive_entry* entry = nullptr;
    const int code = ::archive_read_next_header(reader.handle, &entry);
    if (code == ARCHIVE_EOF) break;
    if (code < ARCHIVE_WARN) reader.fail_now();
    add(reader, entry, keep);
  }
  reader.drain();
}

void Archive::add(Reader& reader, void* raw_entry,
                  const std::function<bool(const std::string&)>& keep) {
  auto* entry = static_cast<archive_entry*>(raw_entry);
  // Names in pax headers are UTF-8, which the plain getter cannot give in the C locale.
  const char* name = ::archive_entry_pathname_utf8(entry);
  if (!name) name = ::archive_entry_pathname(entry);
  if (!name) fail_unreadable("{} has a member whose name cannot be read", where_);
  const std::string path = clean_path(name, where_);
  const bool linked = ::archive_entry_hardlink(entry) || ::archive_entry_symlink(entry);
  if (::archive_entry_filetype(entry) == AE_IFDIR) {
    if (!path.empty()) folders_.push_back(path);
  } else if (linked || ::archive_entry_filetype(entry) != AE_IFREG) {
    ++links_;
  } else if (!path.empty()) {
    const int64_t size = ::archive_entry_size(entry);
    if (size < 0)
      fail_unreadable("{}: the member '{}' has a size below 0", where_, printable(path));
    members_.push_back(
        {path, keep(path) ? content(reader, size, path) : std::span<const uint8_t>()});
  }
}

std::span<const uint8_t> Archive::content(Reader& reader, int64_t size, const std::string& name) {
  if (size > kMaxMember) {
    fail_unreadable("{}: the member '{}' claims {}; at most {} are expected of a picture", where_,
                    printable(name), show_bytes(static_cast<double>(size)),
                    show_bytes(static_cast<double>(kMaxMember)));
  }
  const auto mapped = file_.bytes();
  uint8_t* target = nullptr;
  const uint8_t* first = nullptr;
  int64_t at = 0;
  while (true) {
    const void* part = nullptr;
    size_t bytes = 0;
    la_int64_t offset = 0;
    const int code = ::archive_read_data_block(reader.handle, &part, &bytes, &offset);
    if (code == ARCHIVE_EOF) break;
    if (code < ARCHIVE_WARN) reader.fail_now();
    if (offset != at || static_cast<int64_t>(bytes) > size - at) {
      fail_unreadable("{}: the member '{}' is not stored in one piece", where_, printable(name));
    }
    const auto* from = static_cast<const uint8_t*>(part);
    // The whole member lies in the mapped file: no copy.
    const bool in_place = from >= mapped.data() && from + bytes <= mapped.data() + mapped.size();
    if (!target && in_place && at == 0 && static_cast<int64_t>(bytes) == size) {
      first = from;
    } else if (bytes > 0) {
      if (!target) target = room(static_cast<size_t>(size));
      if (first) std::memcpy(target, first, static_cast<size_t>(at));
      first = nullptr;
      std::memcpy(target + at, from, bytes);
    }
    at += static_cast<int64_t>(bytes);
  }
  if (at != size) {
    fail_unreadable("{}: the member '{}' claims {} bytes and has {}; the file is cut off", where_,
                    printable(name), size, at);
  }
  return {first ? first : target, static_cast<size_t>(size)};
}

uint8_t* Archive::room(size_t bytes) {
  left_ -= static_cast<int64_t>(bytes);
  if (left_ < 0) {
    fail_unreadable(
        "{} unpacks to more than half of this machine's memory; unpack it into a folder and give "
        "that",
        where_);
  }
  if (bytes > chunk_left_) {
    chunk_left_ = std::max(kChunk, bytes);
    chunks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(chunk_left_));
    chunk_at_ = chunks_.back().get();
  }
  uint8_t* at = chunk_at_;
  chunk_at_ += bytes;
  chunk_left_ -= bytes;
  return at;
}

}  // namespace graft::data
