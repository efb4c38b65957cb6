#include "graft/train/feature_cache.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/nn/norm.h"
#include "graft/nn/seam.h"

namespace graft::train {

void FeatureCache::reserve(int64_t rows, const nn::Flow& sample) {
  if (sample.has("lengths")) {
    texts_.resize(static_cast<size_t>(rows));
    return;
  }
  storage_ = sample.map([rows](const at::Tensor& t) {
    auto shape = t.sizes().vec();
    shape[0] = rows;
    at::Tensor store = at::empty(shape, t.options());
    return t.dim() == 4 ? store.contiguous(at::MemoryFormat::ChannelsLast) : store;
  });
}

void FeatureCache::store(int64_t row, const nn::Flow& flow, int64_t i) {
  if (texts_.empty()) {
    for (const auto& [name, value] : flow.tensors()) storage_[name][row].copy_(value[i]);
    return;
  }
  const at::Tensor& lengths = flow.at("lengths");
  const int64_t text = i * texts_a_row_;
  const int64_t length = lengths.narrow(0, text, texts_a_row_).sum().item<int64_t>();
  const int64_t first = lengths.narrow(0, 0, text).sum().item<int64_t>();
  nn::Flow& kept = texts_[static_cast<size_t>(row)];
  for (const auto& [name, value] : flow.tensors())
    kept[name] =
        (name == "lengths" ? value.narrow(0, text, texts_a_row_) : value.narrow(0, first, length))
            .clone();
}

nn::Flow FeatureCache::gather(const std::vector<int64_t>& rows) const {
  if (texts_.empty()) {
    const at::Tensor index = at::tensor(rows, at::kLong);
    return storage_.map([&index](const at::Tensor& t) { return t.index_select(0, index); })
        .to(model_.device());
  }
  nn::Flow batch;
  for (const auto& [name, value] : texts_[static_cast<size_t>(rows.front())].tensors()) {
    std::vector<at::Tensor> parts;
    parts.reserve(rows.size());
    for (const int64_t row : rows) parts.push_back(texts_[static_cast<size_t>(row)].at(name));
    batch[name] = at::cat(parts, 0);
  }
  return batch.to(model_.device());
}

int64_t FeatureCache::bytes() const {
  int64_t total = storage_.bytes();
  for (const nn::Flow& text : texts_) total += text.bytes();
  return total;
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

int64_t FeatureCache::row_bytes(models::Model& model, int border, const data::Inputs& inputs) {
  const at::NoGradGuard no_grad;
  nn::Context context;
  return model.forward(inputs.example(1).to(model.device()), context, 0, border).bytes();
}

}  // namespace graft::train
