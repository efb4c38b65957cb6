#include <algorithm>
#include <cmath>

#include "graft/base/error.h"
#include "graft/strategies/strategy.h"

namespace graft::strategies {
namespace {

std::vector<double> numbers(const Options& options, const std::string& name, size_t stages,
                            double fallback, double decay) {
  std::vector<double> values;
  const Json& given = options.at(name);
  for (size_t i = 0; i < stages; ++i) {
    if (!given.is_array()) {
      values.push_back(fallback * std::pow(decay, static_cast<double>(i)));
      continue;
    }
    if (given.size() != stages || !given[i].is_number() || given[i].get<double>() < 0) {
      fail_usage("strategy layer-wise: {} must be a list of {} numbers, one a stage, got {}", name,
                 stages, given.dump());
    }
    values.push_back(given[i].get<double>());
  }
  return values;
}

}  // namespace

Strategy layer_wise() {
  Strategy s;
  s.name = "layer-wise";
  s.summary = "stages go from the head down, block by block";
  s.source = "Howard and Ruder 2018, arXiv:1801.06146 (gradual unfreezing); Bengio et al. 2007";
  s.options = {
      text("mode", "cumulative",
           "cumulative: what trained goes on training; single: only the stage's own blocks and the "
           "head")
          .one_of({"cumulative", "single"}),
      integer("blocks", 4, "blocks of the backbone that are reached in all; 0 means all of them")
          .at_least(0),
      integer("per_stage", 1, "blocks that join at each stage").at_least(1),
      number("decay", 0.5, "the learning rate of each stage is that of the one before times this")
          .between(0, 1),
      list("shares", nullptr, "shares of the budget, one a stage; equal when not given"),
      list("rates", nullptr,
           "factors on the learning rate, one a stage; decay gives them when not given"),
  };
  s.stages = [](const Outline& outline, const Options& options) {
    const int wanted = static_cast<int>(options.integer("blocks"));
    const int lowest = wanted == 0 ? 0 : std::max(0, outline.head - wanted);
    const int step = static_cast<int>(options.integer("per_stage"));
    const bool cumulative = options.text("mode") == "cumulative";
    std::vector<Stage> stages;
    if (outline.head < outline.blocks)
      stages.push_back({"head", blocks_from(outline, outline.head)});
    for (int top = outline.head; top > lowest; top -= step) {
      const int from = std::max(lowest, top - step);
      Stage stage;
      for (int b = from; b < outline.blocks; ++b) {
        if (cumulative || b < top || b >= outline.head) stage.blocks.push_back(b);
      }
      stage.name = describe_blocks(outline, stage.blocks);
      stages.push_back(stage);
    }
    const auto shares = numbers(options, "shares", stages.size(), 1, 1);
    const auto rates = numbers(options, "rates", stages.size(), 1, options.number("decay"));
    for (size_t i = 0; i < stages.size(); ++i) {
      stages[i].share = std::max(shares[i], 1e-9);
      stages[i].rate = rates[i];
    }
    return stages;
  };
  return s;
}

}  // namespace graft::strategies
