#pragma once

#include <optional>
#include <string>

#include "graft/train/job.h"
#include "graft/train/run.h"

namespace graft::plan {

/// Writes a decision into the configuration and the facts.
class Decider {
 public:
  Decider(train::Job& job, train::PlanFacts& facts) : job_(job), facts_(facts) {}
  /// Sets section.key ("" for the top level) when it is "auto" (or null); says whether it did.
  bool decide(const std::string& section, const std::string& key, const Json& choice,
              const std::string& reason);
  void note(const std::string& what, const Json& choice, const std::string& reason);

 private:
  train::Job& job_;
  train::PlanFacts& facts_;
};

/// What the rules look at.
struct Situation {
  int64_t train_samples = 0;
  int64_t classes = 0;
  int64_t smallest_class = 0, largest_class = 0;
  double forward_s = 0;        ///< a sample through the whole model
  double read_s = 0;           ///< a sample decoded and prepared
  double time_left_s = 0;      ///< for training; a large number without a time budget
  bool convolutional = false;  ///< the backbone has convolutions with batch norms
  bool random_weights = false;
};

/// About as many samples as train.batch_tokens holds; nothing where it is not given.
std::optional<int64_t> samples_of_tokens(const train::Job& job);

/// Of low-rank updates, 16; less where the layers are so narrow that this would save nothing.
int64_t usual_rank(const models::Model& model);

/// task, threads, metric, budget, strategy, method, batch, batch norm, augmentation, evaluation:
/// everything but the learning rate, which is tried on the model. Rules are in docs/planning.md.
void decide_all(train::Job& job, const Situation& situation, train::PlanFacts& facts);
/// The part of decide_all for what has no new head: it was pretrained whole, or from nothing.
void decide_language(train::Job& job, const Situation& situation, train::PlanFacts& facts);

/// Refreshes the typed parts of a configuration after its values were changed. What refers to a
/// part of `values` is gone then.
void reread(train::Config& config);

}  // namespace graft::plan
