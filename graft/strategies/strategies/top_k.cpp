#include <algorithm>

#include "graft/strategies/strategy.h"

namespace graft::strategies {

Strategy top_k() {
  Strategy s;
  s.name = "top-k";
  s.summary = "the head and the k blocks below it train";
  s.options = {
      integer("k", 2, "blocks of the backbone that train, counted from the head").at_least(1)};
  s.stages = [](const Outline& outline, const Options& options) {
    const int from = std::max<int>(0, outline.head - static_cast<int>(options.integer("k")));
    const auto blocks = blocks_from(outline, from);
    return std::vector<Stage>{{describe_blocks(outline, blocks), blocks}};
  };
  return s;
}

}  // namespace graft::strategies
