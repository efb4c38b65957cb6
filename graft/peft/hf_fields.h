#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/io/tensor_map.h"

/// What the peft_* hooks of methods share: fields of adapter_config.json and tensors of a file.
/// Errors have exit code 3 and begin with `where`.
namespace graft::peft {

/// Whether a field of the configuration asks for anything: not absent, null, false or empty.
bool asks(const Json& config, const std::string& key);

/// A number within bounds; `fallback` when the field is absent or null.
double read_number(const Json& config, const std::string& key, double fallback, double low,
                   double high, const std::string& where);

/// True or false; absent or null is false.
bool read_flag(const Json& config, const std::string& key, const std::string& where);

/// Whole numbers as integers, as peft's users write them.
Json number_json(double value);

/// The tensor of that name, which must have that shape.
const at::Tensor& read_tensor(const io::TensorMap& tensors, const std::string& name,
                              const std::vector<int64_t>& shape, const std::string& where);

}  // namespace graft::peft
