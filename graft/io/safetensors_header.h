#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace graft::io {

/// Where one tensor of a .safetensors file lies.
struct SafetensorsInfo {
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
  size_t begin = 0;  ///< in bytes of the file
  size_t bytes = 0;
};

/// The checked header of a .safetensors file (huggingface/safetensors, format of 2022).
struct SafetensorsHeader {
  std::vector<std::pair<std::string, SafetensorsInfo>> tensors;  ///< in the order of the data
  std::map<std::string, std::string> metadata;                   ///< `__metadata__`
};

/// Refused (exit code 3, `where` names the file): a length above 100 MB or past the end, text that
/// is not the schema's JSON, a name twice, unknown types, sizes that disagree with offsets or
/// overflow, and tensors that overlap, leave holes or do not cover the file to its end.
SafetensorsHeader parse_safetensors_header(std::span<const uint8_t> file, const std::string& where);

/// "F32" ⇄ float32; nothing for types that one side does not have.
std::optional<at::ScalarType> safetensors_type(std::string_view name);
std::optional<std::string_view> safetensors_type_name(at::ScalarType type);
/// Where the reference implementation sorts a type; larger comes first in the file.
int safetensors_type_rank(at::ScalarType type);

}  // namespace graft::io
