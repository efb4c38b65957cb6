#include "graft/eval/metric.h"
#include "graft/eval/words.h"

namespace graft::eval {

Metric entity_recall() {
  Metric m;
  m.name = "entity_recall";
  m.summary = "share of the entities there that were found, with the same words and type";
  m.source = "seqeval 1.2.2 (Nakayama 2018), micro average of its default mode";
  m.targets = {Target::token_classes};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    return count_entities(p, samples).recall();
  };
  return m;
}

}  // namespace graft::eval
