#include "graft/nn/key_value_cache.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"

namespace graft::nn {
namespace {

constexpr int64_t kSpare = 64;  // rows of room beyond what is needed at first

}  // namespace

void KeyValueCache::begin(std::vector<int64_t> slots, const at::Tensor& lengths) {
  GRAFT_ASSERT(static_cast<int64_t>(slots.size()) == lengths.size(0));
  const auto* added = lengths.const_data_ptr<int64_t>();
  added_.assign(added, added + lengths.size(0));
  std::vector<int64_t> past;
  for (size_t i = 0; i < slots.size(); ++i) {
    int64_t& seen = seen_.at(static_cast<size_t>(slots[i]));
    past.push_back(seen);
    seen += added_[i];
  }
  past_ = at::tensor(past, at::kLong);
  slots_ = std::move(slots);
}

void KeyValueCache::clear(int64_t slot) {
  seen_.at(static_cast<size_t>(slot)) = 0;
  for (Layer& layer : layers_) {
    if (!layer.kept.empty()) layer.kept[static_cast<size_t>(slot)] = 0;
  }
}

bool KeyValueCache::shorten(int64_t slot, int64_t length) {
  int64_t& seen = seen_.at(static_cast<size_t>(slot));
  GRAFT_ASSERT(length >= 0 && length <= seen);
  const auto at = static_cast<size_t>(slot);
  const int64_t less = seen - length;
  for (const Layer& layer : layers_) {
    if (!layer.kept.empty() && layer.kept[at] - less < std::min(length, layer.left)) return false;
  }
  for (Layer& layer : layers_) {
    if (!layer.kept.empty()) layer.kept[at] -= less;
  }
  seen = length;
  return true;
}

int64_t KeyValueCache::bytes() const {
  int64_t bytes = 0;
  for (const Layer& layer : layers_) {
    if (layer.keys.defined())
      bytes += static_cast<int64_t>(layer.keys.nbytes() + layer.values.nbytes());
  }
  return bytes;
}

/// Keeps the newest `left` tokens of a slot.
void KeyValueCache::forget(Layer& layer, int64_t slot, int64_t left) const {
  int64_t& kept = layer.kept[static_cast<size_t>(slot)];
  for (const at::Tensor& all : {layer.keys, layer.values}) {
    const at::Tensor rows = all[slot];
    rows.narrow(0, 0, left).copy_(rows.narrow(0, kept - left, left).clone());
  }
  kept = left;
}

void KeyValueCache::make_room(Layer& layer, const at::Tensor& like, int64_t left) const {
  const int64_t capacity = layer.keys.defined() ? layer.keys.size(1) : 0;
  int64_t needed = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const int64_t& kept = layer.kept[static_cast<size_t>(slots_[i])];
    // Half of the room must come free, or tokens would be moved again and again.
    if (kept + added_[i] > capacity && kept > left && left <= capacity / 2)
      forget(layer, slots_[i], left);
    needed = std::max(needed, kept + added_[i]);
  }
  if (needed <= capacity) return;
  const int64_t wider = std::max(2 * capacity, needed + kSpare);
  for (at::Tensor* all : {&layer.keys, &layer.values}) {
    const at::Tensor grown =
        at::empty({static_cast<int64_t>(seen_.size()), wider, like.size(1)}, like.options());
    if (capacity > 0) grown.narrow(1, 0, capacity).copy_(*all);
    *all = grown;
  }
}

CachedKeys KeyValueCache::append(int block, const at::Tensor& k, const at::Tensor& v,
                                 int64_t left) {
  const auto at_block = static_cast<size_t>(block);
  if (layers_.size() <= at_block) layers_.resize(at_block + 1);
  Layer& layer = layers_[at_block];
  layer.kept.resize(seen_.size(), 0);
  layer.left = left;
  make_room(layer, k, left);

  const int64_t capacity = layer.keys.size(1);
  std::vector<int64_t> to, rows, lengths;
  for (size_t i = 0; i < slots_.size(); ++i) {
    int64_t& kept = layer.kept[static_cast<size_t>(slots_[i])];
    const int64_t first = slots_[i] * capacity;
    for (int64_t j = 0; j < added_[i]; ++j) to.push_back(first + kept + j);
    kept += added_[i];
    rows.push_back(first);
    lengths.push_back(kept);
  }
  GRAFT_ASSERT(static_cast<int64_t>(to.size()) == k.size(0));
  const at::Tensor places = at::tensor(to, at::kLong).to(k.device());
  const at::Tensor keys = layer.keys.flatten(0, 1);
  const at::Tensor values = layer.values.flatten(0, 1);
  keys.index_copy_(0, places, k);
  values.index_copy_(0, places, v);
  return {keys, values, at::tensor(lengths, at::kLong), at::tensor(rows, at::kLong)};
}

}  // namespace graft::nn
