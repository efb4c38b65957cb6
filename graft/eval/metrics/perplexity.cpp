#include <cmath>

#include "graft/eval/metric.h"

namespace graft::eval {

Metric perplexity() {
  Metric m;
  m.name = "perplexity";
  m.summary = "e to the mean cross entropy of a learned token; 1 is certainty";
  m.higher_is_better = false;
  m.targets = {Target::next_token, Target::masked_token};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    return std::exp(token_loss(p, samples));
  };
  return m;
}

}  // namespace graft::eval
