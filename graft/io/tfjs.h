#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/io/tensor_map.h"

namespace graft::io {

/// A TensorFlow.js layers or graph model: `model.json` and the weight shards beside it.
struct TfjsModel {
  Json topology;      ///< `modelTopology` as it stands
  TensorMap weights;  ///< names and shapes as in the manifest (kernels are HWIO), in its order
  std::vector<std::string> missing;  ///< weights whose shards are absent, when that is allowed
};

enum class MissingShards {
  refuse,  ///< an error (exit code 3) that names the shard
  report,  ///< the weights of that group are named in TfjsModel::missing; the others load
};

/// Reads `folder`/model.json. Types float32, int32, bool, uint8, int8, int16, uint16 and float16
/// are kept; weights quantised to uint8, uint16 or float16 come back as the type they stand for
/// (value = quantised × scale + min). Shards must hold exactly the bytes that the manifest adds up
/// to, and may not lie outside the folder; anything else is an error (exit code 3).
TfjsModel read_tfjs(const std::filesystem::path& folder,
                    MissingShards missing = MissingShards::refuse);

}  // namespace graft::io
