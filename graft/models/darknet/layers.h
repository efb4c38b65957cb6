#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "graft/io/darknet_net.h"
#include "graft/models/darknet/chain.h"
#include "graft/models/model.h"
#include "graft/nn/conv_norm.h"

namespace graft::models {

/// What one layer makes of its inputs.
using DarknetStep =
    std::function<at::Tensor(const std::vector<at::Tensor>& inputs, nn::Context& context)>;

/// Layer i of the network, its tensors at "layers.<i>.convolution" and "layers.<i>.normalization".
/// Batch norms divide by sqrt(variance + eps).
DarknetStep make_darknet_step(const nn::Scope& scope, const io::DarknetNet& net, int i, double eps);

/// A part of the chain. The picture enters as "pixels", outputs of layers flow as "layer<i>".
class DarknetBlock final : public Block {
 public:
  DarknetBlock(const nn::Scope& scope, const io::DarknetNet& net, const DarknetPart& part,
               double eps);
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;

 private:
  struct Layer {
    int index;
    std::vector<int> inputs;
    DarknetStep step;
    std::vector<int> done;  ///< outputs that nothing behind it reads
  };
  std::vector<Layer> layers_;
  std::vector<int> kept_;
};

/// The last block: the maps that the yolo layers read, "maps0", "maps1", … in the cfg's order, [B,
/// anchors x (5 + classes), H, W] in float32.
class DarknetHead final : public Block {
 public:
  DarknetHead(const nn::Scope& scope, const io::DarknetNet& net, const DarknetPart& part,
              double eps);
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;

 private:
  struct Map {
    int input;
    DarknetStep step;
  };
  std::vector<Map> maps_;
};

}  // namespace graft::models
