#include "graft/io/gguf_metadata.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "graft/base/error.h"
#include "graft/base/files.h"

namespace graft::io {
namespace {

enum Type : uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64
};
constexpr uint64_t kMostKeys = 1 << 20;
constexpr int kMostNesting = 8;

class Reader {
 public:
  Reader(std::span<const uint8_t> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  template <typename T>
  T number() {
    T value{};
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string text() {
    const auto bytes = take(number<uint64_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  GgufValue scalar(uint32_t type) {
    switch (type) {
      case kUint8:
        return uint64_t{number<uint8_t>()};
      case kUint16:
        return uint64_t{number<uint16_t>()};
      case kUint32:
        return uint64_t{number<uint32_t>()};
      case kUint64:
        return number<uint64_t>();
      case kInt8:
        return int64_t{number<int8_t>()};
      case kInt16:
        return int64_t{number<int16_t>()};
      case kInt32:
        return int64_t{number<int32_t>()};
      case kInt64:
        return number<int64_t>();
      case kFloat32:
        return double{number<float>()};
      case kFloat64:
        return number<double>();
      case kBool:
        return number<uint8_t>() != 0;
      case kString:
        return text();
      default:
        damaged();
    }
  }
  /// Returns false for lists that are passed over.
  bool value(uint32_t type, GgufValue& out, int depth = 0) {
    if (type != kArray) {
      out = scalar(type);
      return true;
    }
    const auto of = number<uint32_t>();
    const auto count = number<uint64_t>();
    // Each element takes a byte at least.
    if (count > bytes_.size() || depth > kMostNesting) damaged();
    if (of == kArray) {
      GgufValue inner;
      for (uint64_t i = 0; i < count; ++i) value(of, inner, depth + 1);
      return false;
    }
    if (of == kString) {
      std::vector<std::string> all;
      all.reserve(room(count));
      for (uint64_t i = 0; i < count; ++i) all.push_back(text());
      out = std::move(all);
    } else if (of == kFloat32 || of == kFloat64) {
      std::vector<double> all;
      all.reserve(room(count));
      for (uint64_t i = 0; i < count; ++i) all.push_back(std::get<double>(scalar(of)));
      out = std::move(all);
    } else {
      std::vector<int64_t> all;
      all.reserve(room(count));
      for (uint64_t i = 0; i < count; ++i) all.push_back(whole(scalar(of)));
      out = std::move(all);
    }
    return true;
  }
  [[noreturn]] void damaged() const {
    fail_unreadable("{}: the GGUF file is damaged or cut short; fetch it again", where_);
  }

 private:
  /// What to reserve for `count` elements, which may lie: memory of a few times the file at most.
  size_t room(uint64_t count) const {
    return std::min<size_t>(count, bytes_.size() / sizeof(uint64_t));
  }
  static int64_t whole(const GgufValue& value) {
    if (const auto* number = std::get_if<uint64_t>(&value)) return static_cast<int64_t>(*number);
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
    return std::get<int64_t>(value);
  }
  std::span<const uint8_t> take(uint64_t count) {
    if (count > bytes_.size()) damaged();
    const auto part = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return part;
  }

  std::span<const uint8_t> bytes_;
  const std::string& where_;
};

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie");

}  // namespace

std::map<std::string, GgufValue> parse_gguf_metadata(std::span<const uint8_t> bytes,
                                                     const std::string& where) {
  Reader reader(bytes, where);
  if (bytes.size() < 24 || std::memcmp(bytes.data(), "GGUF", 4) != 0)
    fail_unreadable("{}: not a GGUF file", where);
  reader.number<uint32_t>();
  const auto version = reader.number<uint32_t>();
  if (version != 2 && version != 3) {
    fail_unreadable("{}: GGUF version {}; 2 and 3 (little-endian) can be read", where, version);
  }
  reader.number<uint64_t>();  // tensors
  const auto keys = reader.number<uint64_t>();
  if (keys > kMostKeys) reader.damaged();
  std::map<std::string, GgufValue> all;
  for (uint64_t i = 0; i < keys; ++i) {
    std::string key = reader.text();
    const auto type = reader.number<uint32_t>();
    GgufValue value;
    if (reader.value(type, value)) all[std::move(key)] = std::move(value);
  }
  return all;
}

std::map<std::string, GgufValue> read_gguf_metadata(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_gguf_metadata(file.bytes(), path.string());
}

}  // namespace graft::io
