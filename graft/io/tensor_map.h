#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace graft::io {

/// Named tensors in the order they were added; every name once. What a weight file holds.
///
///     for (const auto& [name, tensor] : map) …
class TensorMap {
 public:
  using Item = std::pair<std::string, at::Tensor>;
  using const_iterator = std::vector<Item>::const_iterator;

  TensorMap() = default;
  TensorMap(std::initializer_list<Item> items);

  /// Appends; a name that is there already is an error (exit code 3).
  void add(std::string name, at::Tensor tensor);
  /// Replaces the tensor of that name in its place, or appends.
  void set(std::string name, at::Tensor tensor);

  bool contains(const std::string& name) const { return index_.contains(name); }
  /// The tensor, or null.
  const at::Tensor* find(const std::string& name) const;
  /// The tensor; an unknown name is an error (exit code 3) that names the nearest one.
  const at::Tensor& at(const std::string& name) const;

  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  const_iterator begin() const { return items_.begin(); }
  const_iterator end() const { return items_.end(); }
  std::vector<std::string> names() const;
  /// Sum of elements × bytes an element; shared memory counts for every tensor that uses it.
  int64_t bytes() const;

 private:
  std::vector<Item> items_;
  std::unordered_map<std::string, size_t> index_;
};

/// The same tensors with `prefix` taken off the names that begin with it ("module." of
/// DataParallel); other names stay. Two names that become equal are an error (exit code 3).
TensorMap strip_prefix(const TensorMap& map, const std::string& prefix);

}  // namespace graft::io
