#include "graft/nn/embedding.h"

#include <torch/types.h>

#include "graft/nn/cost_meter.h"

namespace graft::nn {

Embedding::Embedding(const Scope& scope, int64_t count, int64_t width)
    : path_(scope.path()), block_(scope.block()), weight_(at::zeros({count, width})) {
  scope.add("weight", weight_, Role::embedding);
  scope.add(*this);
}

at::Tensor Embedding::operator()(const at::Tensor& ids) const {
  if (CostMeter* meter = CostMeter::active()) {
    for (const auto& adapter : adapters())
      meter->add({block_, adapter->flops(static_cast<double>(ids.numel())), true});
  }
  at::Tensor rows = at::embedding(weight_, ids);
  // The table may be held in the type of products (held_weights.h).
  if (at::isReducedFloatingType(rows.scalar_type())) rows = rows.to(at::kFloat);
  return adapt_output(ids, std::move(rows));
}

Site Embedding::site() const {
  Site site;
  site.path = path_;
  site.kind = SeamKind::embedding;
  site.block = block_;
  site.in = weight_.size(0);
  site.out = weight_.size(1);
  return site;
}

}  // namespace graft::nn
