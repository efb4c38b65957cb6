#pragma once

#include <string>
#include <vector>

#include "graft/models/model.h"
#include "graft/nn/conv.h"

namespace graft::models {

/// What follows the last map of a pyramid.
enum class PyramidTop : uint8_t {
  pool,         ///< every second pixel of it
  convolutions  ///< two convolutions with stride 2, "p6" and "p7" (Lin et al. 2017,
                ///< arXiv:1708.02002)
};

/// A feature pyramid network (Lin et al. 2016, arXiv:1612.03144): gives each map of a body the same
/// number of channels and what deeper maps see. Takes "map<stage>" and gives "p0", "p1", … [B,
/// channels, H, W], finest first; tensors as "inner_blocks.0.0.weight", "layer_blocks.0.0.weight".
class Pyramid final : public Block {
 public:
  /// `stages` and their `widths` are the body's, finest first.
  Pyramid(const nn::Scope& scope, std::vector<int64_t> stages, const std::vector<int64_t>& widths,
          int64_t channels, PyramidTop top);
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;

 private:
  std::vector<int64_t> stages_;
  std::vector<std::unique_ptr<nn::Conv2d>> inner_, layer_, extra_;
};

/// A 3 x 3 or 1 x 1 convolution with a bias that keeps the size of maps.
std::unique_ptr<nn::Conv2d> plain_conv(const nn::Scope& scope, int64_t in, int64_t out,
                                       int64_t kernel, int64_t stride = 1);

/// The map of a level.
inline std::string level_name(size_t level) {
  return "p" + std::to_string(level);
}

/// [B, count x numbers, H, W] → [B, H x W x count, numbers] in float32 at least.
at::Tensor by_anchor(const at::Tensor& map, int64_t numbers);

}  // namespace graft::models
