#pragma once

#include <string>
#include <vector>

/// How modules are meant by the ends of their paths: what target and modules_to_save list.
namespace graft::peft {

/// Whether `path` ends with the module name(s) `ending` ("q_proj", "layer.0.mlp.fc1"), at a dot.
bool ends_with_module(const std::string& path, const std::string& ending);

/// Whether `path`, of a module or a tensor, is or lies inside a module that an ending names.
bool in_module(const std::string& path, const std::vector<std::string>& endings);

}  // namespace graft::peft
