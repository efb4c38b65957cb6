#include "graft/text/byte_alphabet.h"

#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

constexpr size_t kCodes = 0x144;  // one behind the last character of the alphabet

bool prints(uint32_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

}  // namespace

const ByteAlphabet& byte_alphabet() {
  static const ByteAlphabet alphabet = [] {
    ByteAlphabet all;
    char32_t next = 0x100;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      all.code[byte] = prints(byte) ? byte : next++;
      all.utf8[byte] = to_utf8(all.code[byte]);
    }
    return all;
  }();
  return alphabet;
}

std::optional<uint8_t> byte_of(char32_t c) {
  static const auto table = [] {
    std::array<int16_t, kCodes> bytes{};
    bytes.fill(-1);
    for (size_t byte = 0; byte < 256; ++byte)
      bytes[byte_alphabet().code[byte]] = static_cast<int16_t>(byte);
    return bytes;
  }();
  if (c >= kCodes || table[c] < 0) return std::nullopt;
  return static_cast<uint8_t>(table[c]);
}

std::optional<std::string> bytes_of(std::string_view text) {
  std::string bytes;
  for (size_t at = 0; at < text.size();) {
    const Utf8Char next = utf8_at(text, at);
    const auto byte = byte_of(next.code);
    if (!byte) return std::nullopt;
    bytes.push_back(static_cast<char>(*byte));
    at += next.bytes;
  }
  return bytes;
}

}  // namespace graft::texts
