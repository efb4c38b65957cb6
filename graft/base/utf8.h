#pragma once

namespace graft {

/// Whether a byte of UTF-8 begins a character: a text may be cut before it.
inline bool starts_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}

}  // namespace graft
