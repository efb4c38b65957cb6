#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace graft::io {

/// A value of GGUF's key-value part. Whole numbers and numbers of any width become the widest of
/// their kind, and lists of them too.
using GgufValue = std::variant<uint64_t, int64_t, double, bool, std::string, std::vector<int64_t>,
                               std::vector<double>, std::vector<std::string>>;

/// The key-value part at the beginning of a GGUF file, versions 2 and 3, little-endian
/// (ggml-org/ggml: docs/gguf.md). Lists of lists are passed over. Errors (exit code 3): another
/// format, a cut file, sizes that cannot be.
std::map<std::string, GgufValue> read_gguf_metadata(const std::filesystem::path& path);
/// The same from bytes; `where` names them in errors.
std::map<std::string, GgufValue> parse_gguf_metadata(std::span<const uint8_t> bytes,
                                                     const std::string& where);

}  // namespace graft::io
