#include <algorithm>

#include "graft/base/error.h"
#include "graft/strategies/strategy.h"

namespace graft::strategies {

Strategy backbone() {
  Strategy s;
  s.name = "backbone";
  s.summary =
      "the backbone, whole or from a block on, at train.lr; the head along at train.head_lr";
  s.options = {
      integer("from", 0, "index of the first block that trains").at_least(0),
      text("head", "trains", "a new head has to train; one that knows the classes may stay frozen")
          .one_of({"trains", "frozen"})};
  s.stages = [](const Outline& outline, const Options& options) {
    const auto from = static_cast<int>(std::min<int64_t>(options.integer("from"), outline.blocks));
    if (from >= outline.head) {
      fail_usage(
          "strategy backbone: from={} leaves nothing of the backbone, whose last block has the "
          "index {} ({})",
          options.integer("from"), outline.head - 1,
          outline.head > 0 ? outline.names[static_cast<size_t>(outline.head - 1)] : "none");
    }
    Stage stage{"", blocks_from(outline, from)};
    if (options.text("head") == "frozen")
      stage.blocks.resize(static_cast<size_t>(outline.head - from));
    stage.name = describe_blocks(outline, stage.blocks);
    return std::vector<Stage>{stage};
  };
  return s;
}

}  // namespace graft::strategies
