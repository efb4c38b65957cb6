#include <limits>

#include "graft/data/dataset.h"

namespace graft::data {

int View::label(int64_t position) const {
  const auto& labels = sample(position).labels;
  return labels.empty() ? -1 : labels.front();
}

std::vector<int> View::labels() const {
  std::vector<int> all;
  all.reserve(indices.size());
  for (int64_t i = 0; i < size(); ++i) all.push_back(label(i));
  return all;
}

std::vector<int64_t> View::class_counts(size_t classes) const {
  std::vector<int64_t> counts(classes, 0);
  for (int64_t i = 0; i < size(); ++i) {
    for (const int label : sample(i).labels) ++counts[static_cast<size_t>(label)];
  }
  return counts;
}

std::vector<int> View::strata(size_t classes) const {
  const auto counts = class_counts(classes);
  std::vector<int> strata;
  strata.reserve(indices.size());
  for (int64_t i = 0; i < size(); ++i) {
    auto stratum = static_cast<int>(classes);
    int64_t rarest = std::numeric_limits<int64_t>::max();
    for (const int label : sample(i).labels) {
      if (counts[static_cast<size_t>(label)] >= rarest) continue;
      rarest = counts[static_cast<size_t>(label)];
      stratum = label;
    }
    strata.push_back(stratum);
  }
  return strata;
}

View View::pick(const std::vector<int64_t>& positions) const {
  View picked{source, {}};
  picked.indices.reserve(positions.size());
  for (const int64_t position : positions) picked.indices.push_back(index(position));
  return picked;
}

}  // namespace graft::data
