#include "graft/eval/metric.h"

namespace graft::eval {

Metric loss() {
  Metric m;
  m.name = "loss";
  m.summary =
      "mean cross entropy without smoothing or weights, of a sample, a word or a learned token; "
      "mean squared error of numbers; of boxes what the model learns by; of preferences the mean "
      "DPO loss of a pair, and of texts "
      "that are compared what train.loss says, "
      "in groups of 64 of the split";
  m.higher_is_better = false;
  m.targets = {Target::single_label, Target::multi_label,   Target::regression, Target::next_token,
               Target::preference,   Target::token_classes, Target::similarity, Target::retrieval,
               Target::masked_token, Target::boxes};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    if (p.tokens_learned() || p.token_classes()) return token_loss(p, samples);
    double sum = 0;
    for (const int64_t i : samples) sum += p.losses[static_cast<size_t>(i)];
    return sum / static_cast<double>(samples.size());
  };
  return m;
}

}  // namespace graft::eval
