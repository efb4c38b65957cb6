#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "graft/base/json.h"
#include "graft/image/codec.h"

namespace graft::models {

/// The boxes that each place of each map begins with (Ren et al. 2015, arXiv:1506.01497; one size a
/// map: Lin et al. 2016, arXiv:1612.03144).
struct AnchorSettings {
  std::vector<std::vector<int64_t>> sizes;  ///< by map: roots of areas, in pixels of the input
  std::vector<double> ratios{0.5, 1, 2};    ///< height by width

  /// Reads anchor_sizes and aspect_ratios; what does not fit `maps` maps is an error (exit code 3).
  AnchorSettings(const Json& config, size_t maps, std::vector<std::vector<int64_t>> usual);
  /// At each place.
  int64_t count() const { return static_cast<int64_t>(sizes[0].size() * ratios.size()); }
};

/// Height and width of a map.
struct MapSize {
  int64_t height, width;
  bool operator==(const MapSize&) const = default;
};

/// Maps of a pyramid over an input: the first has a pixel for `stride` of it, each further one half
/// as many, rounded up.
std::vector<MapSize> pyramid_sizes(image::Dimensions input, int64_t stride, size_t maps);

/// Of each map [places x count, 4] (x0, y0, x1, y1 in pixels of the input): row by row, at each
/// place size by size within each ratio. Rounded and spaced as torchvision 0.28 does it.
std::vector<at::Tensor> make_anchors(const AnchorSettings& settings, image::Dimensions input,
                                     const std::vector<MapSize>& maps);

}  // namespace graft::models
