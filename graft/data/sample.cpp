#include "graft/data/sample.h"

#include <algorithm>
#include <cctype>

namespace graft::data {

void relabel_sample(Sample& sample, const std::vector<int>& mapping, bool ordered) {
  const auto to = [&](int label) {
    const bool known = label >= 0 && static_cast<size_t>(label) < mapping.size();
    return known ? mapping[static_cast<size_t>(label)] : -1;
  };
  for (int& label : sample.labels) label = to(label);
  if (ordered) return;
  std::erase_if(sample.boxes, [&](BoxLabel& box) { return (box.label = to(box.label)) < 0; });
  for (const BoxLabel& box : sample.boxes) {
    if (!box.crowd) sample.labels.push_back(box.label);
  }
  std::sort(sample.labels.begin(), sample.labels.end());
  sample.labels.erase(std::unique(sample.labels.begin(), sample.labels.end()), sample.labels.end());
  std::erase_if(sample.labels, [](int label) { return label < 0; });
}

const char* split_name(Split split) {
  switch (split) {
    case Split::train:
      return "train";
    case Split::validation:
      return "validation";
    case Split::test:
      return "test";
    case Split::none:
      break;
  }
  return "unsplit";
}

Split split_called(const std::string& word) {
  std::string low = word;
  std::transform(low.begin(), low.end(), low.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (low == "train" || low == "training") return Split::train;
  if (low == "validation" || low == "valid" || low == "val" || low == "dev" || low == "trial" ||
      low == "testa") {
    return Split::validation;
  }
  if (low == "test" || low == "testing" || low == "testb") return Split::test;
  return Split::none;
}

}  // namespace graft::data
