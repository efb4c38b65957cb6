#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "graft/io/safetensors_header.h"
#include "graft/io/tensor_map.h"

namespace graft::io {

/// An open .safetensors file. Tensors are views on the mapped file where they lie on a 64-byte
/// boundary (the mapping lives as long as any of them) and copies elsewhere; writing to one never
/// changes the file. Errors: see parse_safetensors_header.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(const std::filesystem::path& path);
  /// The same over bytes in memory; `owner` keeps them alive for views. Without an owner every
  /// tensor is a copy, and `bytes` must outlive the reader. `where` names them in errors.
  SafetensorsReader(std::span<const uint8_t> bytes, std::shared_ptr<const void> owner,
                    std::string where);

  /// In the order of the data.
  const std::vector<std::string>& names() const { return names_; }
  bool contains(const std::string& name) const { return index_.contains(name); }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  /// An unknown name is an error (exit code 3) that names the file and the nearest name.
  const SafetensorsInfo& info(const std::string& name) const;
  at::Tensor tensor(const std::string& name) const;
  TensorMap all() const;
  /// The same for whoever copies out of them: views of the file wherever they lie in it, so that
  /// it is not in memory twice.
  TensorMap views() const;

 private:
  std::span<const uint8_t> bytes_;
  std::shared_ptr<const void> owner_;
  std::string where_;
  SafetensorsHeader header_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, size_t> index_;
};

/// Writes the file atomically as the reference implementation does: tensors sorted by type, widest
/// first, then by name; the header is padded so that the data begins on a 64-byte boundary. Values
/// are written in logical order, whatever their strides or device. Loaders of transformers expect
/// the metadata {"format": "pt"}. A type the format lacks is an error (exit code 2).
void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

}  // namespace graft::io
