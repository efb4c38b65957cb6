#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace graft::texts {

/// GPT-2's alphabet: a printable character for each byte (Radford et al. 2019, encoder.py). ASCII
/// letters and signs stand for themselves, a space is U+0120.
struct ByteAlphabet {
  std::array<char32_t, 256> code{};
  std::array<std::string, 256> utf8;
};
const ByteAlphabet& byte_alphabet();

/// The byte that a character of the alphabet stands for.
std::optional<uint8_t> byte_of(char32_t c);
/// The bytes of a text of the alphabet; nothing when it has another character.
std::optional<std::string> bytes_of(std::string_view text);

}  // namespace graft::texts
