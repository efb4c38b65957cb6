#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace graft::texts {

/// Walks through the fields of a protocol buffer message (proto3 wire format). Nothing is
/// allocated; texts are views of the message.
class ProtoReader {
 public:
  /// `where` names the message in errors (exit code 3).
  ProtoReader(std::string_view bytes, std::string where)
      : bytes_(bytes), where_(std::move(where)) {}

  struct Field {
    uint32_t number = 0;
    uint64_t integer = 0;    ///< of varints and fixed numbers
    std::string_view bytes;  ///< of texts, byte strings and messages
    bool is_bytes = false;
    float real() const;  ///< a fixed 32-bit field as float
  };
  /// The next field; nothing at the end.
  std::optional<Field> next();

 private:
  uint64_t varint();
  std::string_view take(uint64_t count);
  [[noreturn]] void damaged() const;

  std::string_view bytes_;
  std::string where_;
};

}  // namespace graft::texts
