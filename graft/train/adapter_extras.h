#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/models/model.h"

namespace graft::train {

/// What peft's files have no place for, so that whoever reads an adapter without its run would have
/// to guess it. graft.json beside adapter_config.json; adapters of others have none.
struct AdapterExtras {
  std::vector<std::string> classes;  ///< in the order of the head's rows
  std::optional<Target> problem;     ///< of heads for classes
  std::string pooling;               ///< as "classifier_pooling" has it; empty: the base's
  Json preprocessor;                 ///< of pictures, as preprocessor_config.json has it; or null
};

void write_extras(const models::Model& model, const std::filesystem::path& adapter);
/// All empty where there is no such file. One that says something else is an error (exit code 3).
AdapterExtras read_extras(const std::filesystem::path& adapter);

}  // namespace graft::train
