#pragma once

#include <filesystem>
#include <string>

#include "graft/base/json.h"
#include "graft/io/tensor_map.h"

namespace graft::train {

/// One file that holds a run's whole state: tensors, and everything else as JSON in the header.
/// Written whole or not at all.
struct Checkpoint {
  Json state;
  io::TensorMap tensors;
};

void write_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint);
/// Errors (exit code 3) when there is none or it is damaged.
Checkpoint read_checkpoint(const std::filesystem::path& folder);
bool has_checkpoint(const std::filesystem::path& folder);

}  // namespace graft::train
