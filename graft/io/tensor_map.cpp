#include "graft/io/tensor_map.h"

#include <ATen/ATen.h>

#include "graft/base/error.h"
#include "graft/base/options.h"

namespace graft::io {

TensorMap::TensorMap(std::initializer_list<Item> items) {
  for (const auto& [name, tensor] : items) add(name, tensor);
}

void TensorMap::add(std::string name, at::Tensor tensor) {
  const auto [place, added] = index_.try_emplace(name, items_.size());
  if (!added) fail_unreadable("there are two tensors named '{}'; names must be unique", name);
  items_.emplace_back(std::move(name), std::move(tensor));
}

void TensorMap::set(std::string name, at::Tensor tensor) {
  const auto [place, added] = index_.try_emplace(name, items_.size());
  if (added) {
    items_.emplace_back(std::move(name), std::move(tensor));
  } else {
    items_[place->second].second = std::move(tensor);
  }
}

const at::Tensor* TensorMap::find(const std::string& name) const {
  const auto place = index_.find(name);
  return place == index_.end() ? nullptr : &items_[place->second].second;
}

const at::Tensor& TensorMap::at(const std::string& name) const {
  if (const at::Tensor* found = find(name)) return *found;
  fail_unreadable("there is no tensor '{}' among the {} of this model{}", name, size(),
                  did_you_mean(name, names()));
}

std::vector<std::string> TensorMap::names() const {
  std::vector<std::string> all;
  all.reserve(items_.size());
  for (const auto& item : items_) all.push_back(item.first);
  return all;
}

int64_t TensorMap::bytes() const {
  int64_t sum = 0;
  for (const auto& item : items_) sum += static_cast<int64_t>(item.second.nbytes());
  return sum;
}

TensorMap strip_prefix(const TensorMap& map, const std::string& prefix) {
  TensorMap stripped;
  for (const auto& [name, tensor] : map) {
    stripped.add(name.starts_with(prefix) ? name.substr(prefix.size()) : name, tensor);
  }
  return stripped;
}

}  // namespace graft::io
