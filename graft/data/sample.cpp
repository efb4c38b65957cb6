#include "graft/data/sample.h"

#include <algorithm>
#include <cctype>

namespace graft::data {

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
  if (low == "validation" || low == "valid" || low == "val" || low == "dev" || low == "trial") {
    return Split::validation;
  }
  if (low == "test" || low == "testing") return Split::test;
  return Split::none;
}

}  // namespace graft::data
