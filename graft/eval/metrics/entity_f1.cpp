#include "graft/eval/metric.h"
#include "graft/eval/words.h"

namespace graft::eval {

Metric entity_f1() {
  Metric m;
  m.name = "entity_f1";
  m.summary = "harmonic mean of entity_precision and entity_recall, over entities of all types";
  m.source = "seqeval 1.2.2 (Nakayama 2018), micro average of its default mode";
  m.targets = {Target::token_classes};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    return count_entities(p, samples).f1();
  };
  return m;
}

}  // namespace graft::eval
