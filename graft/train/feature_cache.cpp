#include "graft/train/feature_cache.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/nn/norm.h"
#include "graft/nn/seam.h"

namespace graft::train {

void FeatureCache::reserve(int64_t rows, const nn::Flow& sample) {
  storage_ = sample.map([rows](const at::Tensor& t) {
    auto shape = t.sizes().vec();
    shape[0] = rows;
    at::Tensor store = at::empty(shape, t.options());
    return t.dim() == 4 ? store.contiguous(at::MemoryFormat::ChannelsLast) : store;
  });
}

void FeatureCache::store(int64_t first, const nn::Flow& flow) {
  for (const auto& [name, value] : flow.tensors())
    storage_[name].narrow(0, first, value.size(0)).copy_(value);
}

nn::Flow FeatureCache::gather(const std::vector<int64_t>& rows) const {
  const at::Tensor index =
      at::tensor(rows, at::kLong).to(storage_.tensors().front().second.device());
  return storage_.map([&index](const at::Tensor& t) { return t.index_select(0, index); });
}

uint64_t FeatureCache::signature() const {
  uint64_t key = 1;
  for (const auto& p : model_.registry().parameters) {
    if (p.block >= border_) continue;
    key = hash_key({key, reinterpret_cast<uintptr_t>(p.value->unsafeGetTensorImpl()),
                    static_cast<uint64_t>(p.value->_version())});
  }
  for (nn::Seam* seam : model_.registry().seams) {
    if (seam->adapters().empty() || seam->site().block >= border_) continue;
    for (const auto& adapter : seam->adapters()) {
      for (const auto& [name, value] : adapter->parameters()) {
        key = hash_key({key, reinterpret_cast<uintptr_t>(value->unsafeGetTensorImpl()),
                        static_cast<uint64_t>(value->_version())});
      }
    }
  }
  for (const nn::BatchNorm* norm : model_.registry().batch_norms) {
    if (norm->block() < border_) key = hash_key({key, norm->uses_batch_statistics()});
  }
  return key;
}

void FeatureCache::seal() {
  sealed_ = signature();
}

bool FeatureCache::valid() const {
  return sealed_ == signature();
}

int64_t FeatureCache::row_bytes(models::Model& model, int border, int64_t height, int64_t width) {
  const at::NoGradGuard no_grad;
  nn::Context context;
  const at::Tensor pixels =
      at::zeros({1, 3, height, width}, at::TensorOptions(model.device()).dtype(at::kFloat));
  return model.forward({"pixels", pixels}, context, 0, border).bytes();
}

}  // namespace graft::train
