#pragma once

#include <functional>
#include <vector>

#include "graft/nn/context.h"
#include "graft/nn/flow.h"

namespace graft::nn {

/// What a block does with a flow. It must outlive the backward pass.
using BlockPass = std::function<Flow(Flow flow, Context& context)>;

/// `block` without a graph: nothing is kept but what enters it. When gradients come back, the block
/// runs once more, with a graph and the same dropout masks, and its part of the backward pass
/// follows at once (Chen et al. 2016, arXiv:1604.06174). Results and gradients are those of an
/// ordinary pass, bit for bit; running statistics move once.
///
/// `learned` must hold every tensor with requires_grad that the block may read beside the flow:
/// others get no gradient. Where there is no such tensor and the flow wants no gradient either, and
/// where no graph is recorded, the block just runs.
Flow recomputed(const BlockPass& block, const Flow& flow, Context& context,
                const std::vector<at::Tensor>& learned);

}  // namespace graft::nn
