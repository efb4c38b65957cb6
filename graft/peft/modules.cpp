#include "graft/peft/modules.h"

#include <algorithm>

namespace graft::peft {

bool ends_with_module(const std::string& path, const std::string& ending) {
  return path == ending || path.ends_with("." + ending);
}

bool in_module(const std::string& path, const std::vector<std::string>& endings) {
  return std::any_of(endings.begin(), endings.end(), [&path](const std::string& ending) {
    return ("." + path + ".").find("." + ending + ".") != std::string::npos;
  });
}

}  // namespace graft::peft
