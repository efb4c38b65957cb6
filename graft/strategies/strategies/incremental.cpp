#include "graft/strategies/strategy.h"

namespace graft::strategies {

Strategy incremental() {
  Strategy s;
  s.name = "incremental";
  s.summary = "first the new head alone, then head and backbone together";
  s.source = "Wang et al. 2020, arXiv:2003.06957 (the second stage: Zhou et al. 2022, Detic)";
  s.options = {
      number("share", 0.3, "share of the budget for the head alone").between(0.01, 0.99),
      number("backbone_scale", 1.0,
             "gradient factor between head and backbone once both train: 0 leaves the backbone as "
             "it is")
          .between(0, 1)};
  s.stages = [](const Outline& outline, const Options& options) {
    const double share = options.number("share");
    Stage both{"all", blocks_from(outline, 0), 1 - share};
    both.backbone_scale = options.number("backbone_scale");
    if (both.backbone_scale == 0) both.blocks = blocks_from(outline, outline.head);
    return std::vector<Stage>{{"head", blocks_from(outline, outline.head), share}, both};
  };
  return s;
}

}  // namespace graft::strategies
