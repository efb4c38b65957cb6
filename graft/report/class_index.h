#pragma once

#include <string>
#include <unordered_map>
#include <vector>

namespace graft::report {

/// Numbers classes in the order of a list, then of appearance.
class ClassIndex {
 public:
  explicit ClassIndex(const std::vector<std::string>& names) {
    for (const auto& name : names) of(name);
  }
  size_t of(const std::string& name) {
    const auto [at, added] = index_.emplace(name, names_.size());
    if (added) names_.push_back(name);
    return at->second;
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::unordered_map<std::string, size_t> index_;
  std::vector<std::string> names_;
};

}  // namespace graft::report
