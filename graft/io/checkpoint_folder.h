#pragma once

#include <filesystem>

#include "graft/io/tensor_map.h"

namespace graft::io {

/// All weights of a checkpoint, lazily from the disk where they are aligned:
/// - a file .safetensors, .bin, .pth, .th, .pt or .ckpt (the content decides, not the name);
/// - a Hugging Face folder: the first of model.safetensors, model.safetensors.index.json with its
///   shards, pytorch_model.bin, pytorch_model.bin.index.json with its shards.
/// Of shards every tensor is taken; one that the index lists but its shard lacks is an error that
/// names both, and so is a shard outside the folder (exit code 3).
TensorMap read_checkpoint(const std::filesystem::path& file_or_folder);

/// The file in `folder` that read_checkpoint would begin with, or an empty path.
std::filesystem::path find_checkpoint_file(const std::filesystem::path& folder);

}  // namespace graft::io
