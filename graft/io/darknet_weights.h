#pragma once

#include <cstdint>
#include <filesystem>

#include "graft/io/darknet_net.h"
#include "graft/io/tensor_map.h"

namespace graft::io {

/// What a .weights file begins with.
struct DarknetHeader {
  int32_t major = 0, minor = 2, revision = 5;
  uint64_t seen = 0;  ///< pictures that it was trained with
  bool operator==(const DarknetHeader&) const = default;
};

/// A .weights file: the header, then float32 numbers of each convolution in the cfg's order: bias,
/// of those with batch norm its scale, mean and variance, then the weight [filters, channels /
/// groups, size, size].
struct DarknetWeights {
  DarknetHeader header;
  /// "layers.3.convolution.weight" and ".bias", or "layers.3.normalization.weight", ".bias",
  /// ".running_mean" and ".running_var".
  TensorMap tensors;
};

/// Errors (exit code 3) where the file holds more or fewer numbers than the network has.
DarknetWeights read_darknet_weights(const std::filesystem::path& file, const DarknetNet& net);

/// Writes what read_darknet_weights reads: the same bytes where nothing changed. All tensors of the
/// network must be there, in its shapes; others are passed over.
void write_darknet_weights(const std::filesystem::path& file, const DarknetNet& net,
                           const DarknetHeader& header, const TensorMap& tensors);

}  // namespace graft::io
