#include "graft/io/zip_directory.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "graft/base/error.h"

namespace graft::io {
namespace {

constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kCentralSignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kLocator64Signature = 0x07064b50;
constexpr size_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kEnd64Bytes = 56,
                 kLocator64Bytes = 20;
constexpr uint64_t kIn64 = 0xffffffff;  // "the value stands in the zip64 field"
constexpr size_t kMaxEntries = 1'000'000;

struct Directory {
  uint64_t begin = 0, bytes = 0, entries = 0;
};

class ZipReader {
 public:
  ZipReader(std::span<const uint8_t> file, const std::string& where) : file_(file), where_(where) {}

  ZipEntries read() {
    const Directory directory = find_directory();
    if (directory.entries > kMaxEntries || directory.entries > directory.bytes / kCentralBytes) {
      refuse(fmt::format("the directory cannot hold {} entries", directory.entries));
    }
    ZipEntries entries;
    uint64_t at = directory.begin;
    for (uint64_t i = 0; i < directory.entries; ++i) {
      at = read_entry(at, directory.begin + directory.bytes, entries);
    }
    std::ranges::sort(taken_);
    for (size_t i = 1; i < taken_.size(); ++i) {
      if (taken_[i].first < taken_[i - 1].second) refuse("two entries lie over one another");
    }
    if (!taken_.empty() && taken_.back().second > directory.begin) {
      refuse("an entry lies over the directory");
    }
    return entries;
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    fail_unreadable("{} is not a zip archive as torch.save writes it: {}; get the file again",
                    where_, problem);
  }

  /// An unsigned little-endian number; outside the file is an error.
  template <typename T>
  T number(uint64_t at) const {
    T value{};
    if (at > file_.size() || file_.size() - at < sizeof value) refuse("it is cut off");
    std::memcpy(&value, file_.data() + at, sizeof value);
    return value;
  }

  Directory find_directory() const {
    if (file_.size() < kEndBytes) refuse("it is cut off");
    const size_t last = file_.size() - kEndBytes;
    const size_t first = last > 0xffff ? last - 0xffff : 0;  // a comment may follow the record
    for (size_t at = last + 1; at-- > first;) {
      if (number<uint32_t>(at) != kEndSignature) continue;
      if (number<uint16_t>(at + 20) != file_.size() - at - kEndBytes) continue;
      return read_end(at);
    }
    refuse("it has no directory at its end: it is truncated");
  }

  Directory read_end(uint64_t at) const {
    Directory directory{number<uint32_t>(at + 16), number<uint32_t>(at + 12),
                        number<uint16_t>(at + 10)};
    uint64_t end = at;
    if (at >= kLocator64Bytes && number<uint32_t>(at - kLocator64Bytes) == kLocator64Signature) {
      end = number<uint64_t>(at - kLocator64Bytes + 8);
      if (number<uint32_t>(end) != kEnd64Signature || end > at - kLocator64Bytes ||
          at - kLocator64Bytes - end < kEnd64Bytes) {
        refuse("the zip64 end record is not where it should be");
      }
      if (number<uint32_t>(end + 16) != 0) refuse("it has several parts");
      directory = {number<uint64_t>(end + 48), number<uint64_t>(end + 40),
                   number<uint64_t>(end + 32)};
    } else if (number<uint16_t>(at + 4) != 0) {
      refuse("it has several parts");
    }
    if (directory.bytes > end || directory.begin > end - directory.bytes) {
      refuse("the directory lies outside the file");
    }
    return directory;
  }

  /// Returns where the next entry of the directory begins.
  uint64_t read_entry(uint64_t at, uint64_t end, ZipEntries& entries) {
    if (end - at < kCentralBytes || number<uint32_t>(at) != kCentralSignature) {
      refuse("the directory is broken");
    }
    const auto flags = number<uint16_t>(at + 8), method = number<uint16_t>(at + 10);
    uint64_t packed = number<uint32_t>(at + 20), size = number<uint32_t>(at + 24);
    const uint64_t name_bytes = number<uint16_t>(at + 28), extra_bytes = number<uint16_t>(at + 30),
                   comment_bytes = number<uint16_t>(at + 32);
    uint64_t offset = number<uint32_t>(at + 42);
    const uint64_t name_at = at + kCentralBytes, extra_at = name_at + name_bytes;
    const uint64_t next = extra_at + extra_bytes + comment_bytes;
    if (next > end) refuse("the directory is broken");
    std::string name(reinterpret_cast<const char*>(file_.data()) + name_at, name_bytes);
    check_name(name);
    read_zip64(extra_at, extra_at + extra_bytes, size, packed, offset);
    if (name.ends_with('/')) return next;  // a folder
    if (flags & 1) refuse("entry '" + name + "' is encrypted");
    if (method == 0 && packed != size) refuse("entry '" + name + "' has two sizes");
    if (number<uint32_t>(offset) != kLocalSignature) refuse("entry '" + name + "' is not there");
    const uint64_t begin =
        offset + kLocalBytes + number<uint16_t>(offset + 26) + number<uint16_t>(offset + 28);
    if (begin > file_.size() || packed > file_.size() - begin) {
      refuse("entry '" + name + "' ends past the end of the file");
    }
    taken_.emplace_back(offset, begin + packed);
    if (!entries.emplace(name, ZipEntry{file_.subspan(begin, packed), method != 0}).second) {
      refuse("entry '" + name + "' stands there twice");
    }
    return next;
  }

  void check_name(const std::string& name) const {
    const bool climbs = ("/" + name + "/").find("/../") != std::string::npos;
    const bool odd = name.find_first_of(std::string("\\\0", 2)) != std::string::npos;
    if (odd) refuse("the name of an entry holds a backslash or a zero byte");
    if (name.empty() || name.front() == '/' || climbs) {
      refuse("an entry is named '" + name + "', which leads out of the archive");
    }
  }

  /// Replaces the values that say "see zip64", which stand there in this order.
  void read_zip64(uint64_t at, uint64_t end, uint64_t& size, uint64_t& packed,
                  uint64_t& offset) const {
    while (end - at >= 4) {
      const auto id = number<uint16_t>(at), bytes = number<uint16_t>(at + 2);
      at += 4;
      if (bytes > end - at) refuse("an extra field is broken");
      if (id == 1) {
        const uint64_t field_end = at + bytes;
        for (uint64_t* value : {&size, &packed, &offset}) {
          if (*value != kIn64) continue;
          if (field_end - at < 8) refuse("a zip64 field is broken");
          *value = number<uint64_t>(at);
          at += 8;
        }
        return;
      }
      at += bytes;
    }
  }

  std::span<const uint8_t> file_;
  const std::string& where_;
  std::vector<std::pair<uint64_t, uint64_t>> taken_;
};

}  // namespace

bool is_zip(std::span<const uint8_t> file) {
  return file.size() >= 4 && std::memcmp(file.data(), "PK\3\4", 4) == 0;
}

ZipEntries read_zip_directory(std::span<const uint8_t> file, const std::string& where) {
  return ZipReader(file, where).read();
}

}  // namespace graft::io
