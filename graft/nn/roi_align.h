#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace graft::nn {

/// How regions are read off a map.
struct RoiAlignOptions {
  double scale = 1;     ///< pixels of the map for one of the regions' units
  int64_t size = 7;     ///< cells that a region is divided into, each way
  int64_t samples = 2;  ///< points in a cell, each way
};

/// RoIAlign (He et al. 2017, arXiv:1703.06870): the means over each cell of each region of what the
/// map shows between its pixels, [K, C, size, size]. `map` [B, C, H, W]; `regions` [K, 5] are the
/// picture's number and corners x0, y0, x1, y1, and no gradient reaches them. As in torchvision's
/// detectors (aligned=False), coordinates count from the centre of the first pixel, and a region is
/// a pixel of the map wide at least. Points more than a pixel outside of the map are 0.
at::Tensor roi_align(const at::Tensor& map, const at::Tensor& regions,
                     const RoiAlignOptions& options);

}  // namespace graft::nn
