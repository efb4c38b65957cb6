#include "graft/peft/hf_fields.h"

#include <fmt/ranges.h>

#include <cmath>

#include "graft/base/error.h"

namespace graft::peft {

bool asks(const Json& config, const std::string& key) {
  const auto found = config.find(key);
  // NOLINTNEXTLINE(readability-container-size-empty): a text of JSON never counts as empty().
  return found != config.end() && !found->is_null() && *found != false && *found != "" &&
         !found->empty();
}

double read_number(const Json& config, const std::string& key, double fallback, double low,
                   double high, const std::string& where) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return fallback;
  const bool fits =
      found->is_number() && found->get<double>() >= low && found->get<double>() <= high;
  if (!fits)
    fail_unreadable("{}: {} must be a number from {} to {}, got {}", where, key, low, high,
                    found->dump());
  return found->get<double>();
}

bool read_flag(const Json& config, const std::string& key, const std::string& where) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return false;
  if (!found->is_boolean())
    fail_unreadable("{}: {} must be true or false, got {}", where, key, found->dump());
  return found->get<bool>();
}

Json number_json(double value) {
  const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
  return whole ? Json(static_cast<int64_t>(value)) : Json(value);
}

const at::Tensor& read_tensor(const io::TensorMap& tensors, const std::string& name,
                              const std::vector<int64_t>& shape, const std::string& where) {
  const at::Tensor* found = tensors.find(name);
  if (!found) fail_unreadable("{}: the file has no tensor {}", where, name);
  if (found->sizes() != at::IntArrayRef(shape)) {
    fail_unreadable(
        "{}: {} has the shape [{}], expected [{}]; adapter and base model do not belong together",
        where, name, fmt::join(found->sizes(), ", "), fmt::join(shape, ", "));
  }
  return *found;
}

}  // namespace graft::peft
