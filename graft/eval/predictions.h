#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/base/target.h"

namespace graft::eval {

/// What a model said about a set of samples, and what was true.
struct Predictions {
  std::vector<std::string> classes;
  Target target = Target::single_label;
  std::vector<std::string> inputs;       ///< id of each sample
  std::vector<std::vector<int>> labels;  ///< one class index each; any number when multi_label
  std::vector<float> scores;             ///< size() x classes probabilities, row by row
  std::vector<float> values;  ///< of a regression: what is true; `scores` has what was said
  std::vector<float> losses;  ///< one a sample; of texts that are continued the mean a token
  /// Of texts that are continued, which have no labels and scores: their learned tokens, and how
  /// many of those were the likeliest ones.
  std::vector<int64_t> tokens, hits;
  /// Of preferences, which have no `hits` and the `tokens` of both answers: the log-probabilities
  /// of the answers, and beta times by how much the chosen one has gained more than the rejected
  /// one.
  std::vector<float> chosen, rejected, margins;

  bool multi_label() const { return target == Target::multi_label; }
  bool regression() const { return target == Target::regression; }
  bool language() const { return target == Target::next_token || preference(); }
  bool preference() const { return target == Target::preference; }

  int64_t size() const { return static_cast<int64_t>(inputs.size()); }
  std::span<const float> row(int64_t i) const {
    return std::span<const float>(scores).subspan(static_cast<size_t>(i) * classes.size(),
                                                  classes.size());
  }
  int label(int64_t i) const { return labels[static_cast<size_t>(i)].front(); }
  /// The class with the highest score, the lowest index among equals.
  int predicted(int64_t i) const;
};

/// Of texts that are continued: the mean cross entropy of a learned token, in nats.
double token_loss(const Predictions& predictions, const std::vector<int64_t>& samples);

/// counts[truth][predicted], single-label only.
std::vector<std::vector<int64_t>> confusion_matrix(const Predictions& predictions);

/// Precision, recall and F1 of one class; 0 where undefined.
struct ClassScore {
  std::string name;
  int64_t count = 0;
  double precision = 0, recall = 0, f1 = 0;
  double recall_low = 0, recall_high = 1;  ///< Wilson interval, 95 %
};
/// Empty where there are no classes.
std::vector<ClassScore> class_scores(const Predictions& predictions);

/// One JSON object a sample, as predictions.jsonl holds them.
Json to_json_line(const Predictions& predictions, int64_t i, const std::string& split);

}  // namespace graft::eval
