#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graft/io/pickle.h"

namespace graft::io {

/// A storage that a pickle refers to: its values lie elsewhere in the file.
struct TorchStorage {
  std::string key;
  at::ScalarType dtype = at::kByte;  ///< bytes for an UntypedStorage
  int64_t elements = 0;              ///< as the pickle claims
};

/// A tensor as a pickle describes it; the numbers are what the file claims, unchecked.
struct TorchTensor {
  std::string name;
  size_t storage = 0;  ///< index in TorchObjects::storages
  at::ScalarType dtype = at::kFloat;
  int64_t offset = 0;  ///< elements
  std::vector<int64_t> sizes, strides;
};

/// What a pickle of torch.save holds that matters to us.
struct TorchObjects {
  std::vector<TorchStorage> storages;  ///< every one, also those no tensor of ours uses
  std::unordered_map<std::string, size_t> storage_by_key;
  std::vector<TorchTensor> tensors;  ///< of the state dict, see read_torch_pickle
};

/// The only globals that may appear: OrderedDict, the functions that rebuild tensors and
/// parameters, storage classes, dtypes, torch.Size.
bool is_torch_global(std::string_view name);

/// Finds the state dict (the rule stands at read_torch_pickle) and describes its tensors.
TorchObjects find_torch_objects(const Pickle& pickle, const std::string& where);

}  // namespace graft::io
