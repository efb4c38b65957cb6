#include "graft/strategies/strategy.h"

namespace graft::strategies {

Strategy lp_ft() {
  Strategy s;
  s.name = "lp-ft";
  s.summary = "the head first, then everything from that head";
  s.source = "Kumar et al. 2022, arXiv:2202.10054";
  s.options = {
      number("share", 0.5, "share of the budget for the head alone").between(0.01, 0.99),
      number("rate", 0.2, "factor on the learning rate once everything trains").at_least(0),
      text("solver", "gradient", "how the head is found first")
          .one_of({"gradient", "logistic", "ridge"})};
  s.stages = [](const Outline& outline, const Options& options) {
    const double share = options.number("share");
    Stage head{"head", blocks_from(outline, outline.head), share};
    head.solver = options.text("solver");
    return std::vector<Stage>{head,
                              {"all", blocks_from(outline, 0), 1 - share, options.number("rate")}};
  };
  return s;
}

}  // namespace graft::strategies
