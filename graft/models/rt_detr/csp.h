#pragma once

#include <memory>
#include <vector>

#include "graft/models/rt_detr/settings.h"
#include "graft/nn/conv_norm.h"

namespace graft::models::rtdetr {

/// "<scope>.conv" and "<scope>.norm": a square convolution that keeps the size at stride 1, a batch
/// norm and an activation.
std::unique_ptr<nn::ConvNorm> unit(const nn::Scope& scope, const Settings& s, int64_t in,
                                   int64_t out, int64_t kernel, nn::Activation activation,
                                   int64_t stride = 1, int64_t groups = 1);

/// Something that makes a map of another; conv layers of the neck.
class MapLayer {
 public:
  virtual ~MapLayer() = default;
  virtual at::Tensor operator()(const at::Tensor& x) = 0;
};

/// Two products over channels; one of them goes through blocks of a 3 x 3 and a 1 x 1 convolution
/// side by side (Ding et al. 2021, RepVGG, arXiv:2101.03697), then both are added (CSP: Wang et al.
/// 2020, arXiv:1911.11929).
class CspRep final : public MapLayer {
 public:
  CspRep(const nn::Scope& scope, const Settings& s, int64_t in, int64_t middle, int64_t out);
  at::Tensor operator()(const at::Tensor& x) override;

 private:
  struct Rep {
    std::unique_ptr<nn::ConvNorm> wide, narrow;  // the wide one adds the narrow one
  };
  std::unique_ptr<nn::ConvNorm> through_, beside_, last_;  // the last may be absent
  std::vector<Rep> blocks_;
};

/// How two maps that were put together become one: RT-DETR's CspRep, or D-FINE's RepNCSPELAN4 (Wang
/// et al. 2024, arXiv:2402.13616), in which what goes through and what it was before are joined.
std::unique_ptr<MapLayer> make_joining(const nn::Scope& scope, const Settings& s);

/// How a map gets half as long and wide: a convolution, or D-FINE's SCDown, a product over channels
/// and then one over places (Wang et al. 2024, YOLOv10, arXiv:2405.14458).
std::unique_ptr<MapLayer> make_downsampling(const nn::Scope& scope, const Settings& s);

}  // namespace graft::models::rtdetr
