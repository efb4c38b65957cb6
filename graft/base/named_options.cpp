#include "graft/base/named_options.h"

#include "graft/base/error.h"

namespace graft {

std::vector<std::pair<std::string, Json>> named_options(const Json& list, const std::string& where,
                                                        const std::string& what) {
  std::vector<std::pair<std::string, Json>> pairs;
  for (const Json& one : list) {
    if (one.is_string()) {
      pairs.emplace_back(one.get<std::string>(), nullptr);
    } else if (one.is_object() && !one.empty()) {
      for (const auto& [name, options] : one.items()) pairs.emplace_back(name, options);
    } else {
      fail_usage("{}: expected the name of {} or {{name: options}}, got {}", where, what,
                 one.dump());
    }
  }
  return pairs;
}

}  // namespace graft
