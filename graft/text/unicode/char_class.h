#pragma once

#include <array>
#include <cstdint>

namespace graft::texts {

/// The classes that patterns of byte-level tokenizers know: \p{L}, \p{N}, \s, and the rest, by
/// Unicode 16 as Oniguruma of `tokenizers` has it. `end` is for "no character".
enum class CharClass : uint8_t { other, letter, number, space, end };

CharClass slow_class_of(char32_t c);

namespace detail {
extern const std::array<CharClass, 128> kAsciiClasses;
}  // namespace detail

inline CharClass class_of(char32_t c) {
  return c < 128 ? detail::kAsciiClasses[c] : slow_class_of(c);
}

}  // namespace graft::texts
