#include "graft/strategies/strategy.h"

namespace graft::strategies {

Strategy full() {
  Strategy s;
  s.name = "full";
  s.summary = "every block trains from the first step";
  s.stages = [](const Outline& outline, const Options&) {
    return std::vector<Stage>{{"all", blocks_from(outline, 0)}};
  };
  return s;
}

}  // namespace graft::strategies
