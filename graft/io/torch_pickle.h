#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "graft/io/tensor_map.h"

namespace graft::io {

/// The state dict of a file that torch.save wrote: .bin .pth .th .pt, in the zip form (1.6 and
/// later) and the legacy form. A restricted reader of data: nothing in the file is executed, and a
/// file that names any class or function but those of tensors is refused with that name.
///
/// Which dict is taken: the top object when all its values are tensors; else its entry
/// "state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "params",
/// "weights", "backbone", "student", "ema", "model_ema", "params_ema" or "state_dict_ema", the
/// first that is there and a dict, by the same rule; else the top object when some of its values
/// are tensors; else its only entry that is a dict with tensors. Values of the taken dict that are
/// not tensors are left out; names stay as they are (see strip_prefix).
///
/// Tensors share storages and keep strides as they were saved. They are views on the mapped file
/// where a storage lies on a 64-byte boundary, else on a copy of the storage; writing to one never
/// changes the file. Every size, stride and offset is checked against the file (exit code 3).
TensorMap read_torch_pickle(const std::filesystem::path& path);

/// The same over bytes in memory; `owner` keeps them alive for views, without one all is copied.
/// `where` names them in errors.
TensorMap parse_torch_pickle(std::span<const uint8_t> bytes,
                             const std::shared_ptr<const void>& owner, const std::string& where);

}  // namespace graft::io
