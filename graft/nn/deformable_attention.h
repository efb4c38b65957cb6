#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "graft/nn/context.h"

namespace graft::nn {

/// Rows and columns of one of the maps that lie behind each other in a memory.
struct MapSize {
  int64_t height = 0, width = 0;
  int64_t area() const { return height * width; }
};

/// How a map is read between its pixels.
enum class Sampling : uint8_t {
  bilinear,  ///< "default": between the four nearest, zero outside
  discrete   ///< the nearest one, at the border outside; no gradient reaches the places
};

/// "default" or "discrete", as transformers' decoder_method; others are an error (exit code 3) that
/// names `where`.
Sampling parse_sampling(const std::string& name, const std::string& where);

/// Attention that reads a few places of each map instead of all (Zhu et al. 2020,
/// arXiv:2010.04159; different numbers of places and the discrete form: Lv et al. 2024,
/// arXiv:2407.17140).
/// - `values` [B, S, heads, D]: the pixels of all maps, row by row, one map after the other;
///   S is the sum of the areas of `maps`.
/// - `places` [B, Q, heads, P, 2]: x and y, from 0 to 1 across a map. The first points[0] of the P
///   read the first map, the next points[1] the second, and so on.
/// - `weights` [B, Q, heads, P]: what each place counts.
/// Result: [B, Q, heads * D], in the type of the values.
at::Tensor deformable_attention(const at::Tensor& values, const std::vector<MapSize>& maps,
                                const at::Tensor& places, const at::Tensor& weights,
                                const std::vector<int64_t>& points, Sampling sampling,
                                const Context& context);

/// What the bias of a layer that says offsets, [heads * P * 2], begins with: each head looks into a
/// direction of its own, with its places one behind the other (Zhu et al. 2020).
at::Tensor first_offsets(int64_t heads, const std::vector<int64_t>& points);

}  // namespace graft::nn
