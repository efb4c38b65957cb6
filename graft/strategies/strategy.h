#pragma once

#include <functional>
#include <string>
#include <vector>

#include "graft/base/catalog.h"

namespace graft::strategies {

/// A part of the run in which the trained set stays the same.
struct Stage {
  std::string name;                 ///< "head", "blocks 3-17", for the log
  std::vector<int> blocks;          ///< indices of the blocks that train, ascending
  double share = 1;                 ///< of the whole budget; shares of a run sum to 1
  double rate = 1;                  ///< factor on the learning rate
  std::string solver = "gradient";  ///< gradient, or logistic / ridge for a head solved directly
  /// How much of the gradient passes from the head down: a factor on the learning rate of all
  /// blocks below it. With sgd both are the same; adamw would not notice a smaller gradient.
  double backbone_scale = 1;
};

/// The chain as a strategy sees it: blocks 0 … blocks-1, the last `blocks - head` of which are the
/// head.
struct Outline {
  int blocks = 0;
  int head = 0;  ///< index of the first block of the head
  std::vector<std::string> names;
};

/// All graft knows about a strategy. strategies/<name>.cpp makes one, strategies.def lists it. What
/// it does is data: a list of stages that the training loop executes.
struct Strategy : Entry {
  std::function<std::vector<Stage>(const Outline& outline, const Options& options)> stages;
};

const std::vector<Strategy>& strategies();
const Strategy& find_strategy(const std::string& name);

/// A strategy as configured; explicit stages have no catalogue entry.
struct Choice {
  std::string name;  ///< "head", …, or "stages"
  Options options;
  Json stages;  ///< the list behind {stages: [...]}
};

/// Reads `strategy:` — a name, {name, options…} or {stages: [{train: head | all | top-3 | [block
/// names], share, rate}]}.
Choice parse_strategy(const Json& value);
Json to_json(const Choice& choice);
/// The stages for a model; shares are positive and sum to 1.
std::vector<Stage> make_stages(const Choice& choice, const Outline& outline);

/// Blocks [from, blocks), as indices.
std::vector<int> blocks_from(const Outline& outline, int from);
/// "head", "block 4 to head", "all".
std::string describe_blocks(const Outline& outline, const std::vector<int>& blocks);

}  // namespace graft::strategies
