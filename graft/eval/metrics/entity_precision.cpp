#include "graft/eval/metric.h"
#include "graft/eval/words.h"

namespace graft::eval {

Metric entity_precision() {
  Metric m;
  m.name = "entity_precision";
  m.summary = "share of the entities found that are there, with the same words and type";
  m.source = "seqeval 1.2.2 (Nakayama 2018), micro average of its default mode";
  m.targets = {Target::token_classes};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    return count_entities(p, samples).precision();
  };
  return m;
}

}  // namespace graft::eval
