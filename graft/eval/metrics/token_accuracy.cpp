#include "graft/eval/metric.h"

namespace graft::eval {

Metric token_accuracy() {
  Metric m;
  m.name = "token_accuracy";
  m.summary =
      "share of learned tokens that the model holds for the likeliest; of words with classes, "
      "the share whose class is right";
  m.targets = {Target::next_token, Target::masked_token, Target::token_classes};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    double hits = 0;
    double tokens = 0;
    for (const int64_t i : samples) {
      hits += static_cast<double>(p.hits[static_cast<size_t>(i)]);
      tokens += static_cast<double>(p.tokens[static_cast<size_t>(i)]);
    }
    return tokens > 0 ? hits / tokens : 0;
  };
  return m;
}

}  // namespace graft::eval
