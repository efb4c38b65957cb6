#include "graft/strategies/strategy.h"

namespace graft::strategies {

Strategy head() {
  Strategy s;
  s.name = "head";
  s.summary = "only the head trains, on features that are computed once";
  s.options = {
      integer("r", nullptr,
              "of a language model: rank of an update of its output matrix, which stays as "
              "it is (LoRA of lm_head, alpha 2 r); without it the matrix learns whole")
          .between(1, 4096),
      text("solver", "gradient",
           "gradient: ordinary steps; logistic: logistic regression by L-BFGS; ridge: "
           "least squares in closed "
           "form (both on cached features, no augmentation)")
          .one_of({"gradient", "logistic", "ridge"})};
  s.stages = [](const Outline& outline, const Options& options) {
    Stage stage{"head", blocks_from(outline, outline.head)};
    stage.solver = options.text("solver");
    return std::vector<Stage>{stage};
  };
  return s;
}

}  // namespace graft::strategies
