#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graft/base/json.h"

namespace graft::test {

/// A run folder as `graft train` writes it: two stages, 200 steps, ten evaluations, 150
/// predictions.
struct RunRecipe {
  std::vector<std::string> classes = {"airplane", "bird", "cat", "dog", "ship"};
  std::string method = "lora";
  std::string strategy = "lp-ft";
  double accuracy = 0.82;
  int steps = 200;
  int predictions = 150;
  bool finished = true;  ///< with summary.json and an end event
};
void write_run(const std::filesystem::path& folder, const RunRecipe& recipe = {});

/// What is wrong with the nesting of a page's elements: "" when every one that is opened is closed,
/// in order.
std::string unbalanced(const std::string& html);

void write_lines(const std::filesystem::path& path, const std::vector<Json>& lines);

}  // namespace graft::test
