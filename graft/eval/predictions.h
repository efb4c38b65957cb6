#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/base/target.h"
#include "graft/eval/box_ranking.h"

namespace graft::eval {

/// How often something is true, how often it was said, and how often both.
struct Tally {
  int64_t truth = 0, said = 0, hits = 0;

  double precision() const;  ///< 0 where undefined, and so are the others
  double recall() const;
  double f1() const;
};

/// What a model said about a set of samples, and what was true.
struct Predictions {
  std::vector<std::string> classes;
  Target target = Target::single_label;
  std::vector<std::string> inputs;       ///< id of each sample
  std::vector<std::vector<int>> labels;  ///< one class index each; any number when multi_label
  std::vector<float> scores;             ///< size() x classes probabilities, row by row
  std::vector<float> values;             ///< of numbers: what is true; `scores` has what was said
  std::vector<float> losses;  ///< one a sample; of texts that are continued the mean a token
  /// Of texts that are continued or masked, which have no labels and scores: their learned tokens,
  /// and how many of those were the likeliest ones.
  std::vector<int64_t> tokens, hits;
  /// Of preferences, which have no `hits` and the `tokens` of both answers: the log-probabilities
  /// of the answers, and beta times by how much the chosen one has gained more than the rejected
  /// one.
  std::vector<float> chosen, rejected, margins;

  /// Of texts whose words have classes, which have no `scores`: the words, what was said of each
  /// (`labels` has what is true), and the entities of each text. `tokens` are its words here,
  /// `hits` those of which the right thing was said. See words.h.
  std::vector<std::vector<std::string>> words;
  std::vector<std::vector<int>> said;
  std::vector<Tally> entities;

  /// Of texts that belong together: where its own stands among all candidates of the split, the
  /// nearest first, from 1. Of texts that are as alike as a number says, `scores` are the cosines.
  std::vector<int64_t> ranks;

  /// Of pictures in which objects are marked, which have no `scores`: objects and boxes of each,
  /// and the same judged (`labels` are the classes of the objects).
  std::vector<PictureBoxes> boxes;
  std::shared_ptr<const BoxRanking> ranking;

  bool multi_label() const { return target == Target::multi_label; }
  bool token_classes() const { return target == Target::token_classes; }
  bool regression() const { return target == Target::regression; }
  /// Tokens are told: those that follow, or masked ones.
  bool tokens_learned() const {
    return target == Target::next_token || target == Target::masked_token;
  }
  bool language() const { return tokens_learned() || preference(); }
  bool preference() const { return target == Target::preference; }
  bool pairs() const { return target == Target::similarity || target == Target::retrieval; }

  bool finds_boxes() const { return target == Target::boxes; }

  int64_t size() const { return static_cast<int64_t>(inputs.size()); }
  std::span<const float> row(int64_t i) const {
    return std::span<const float>(scores).subspan(static_cast<size_t>(i) * classes.size(),
                                                  classes.size());
  }
  int label(int64_t i) const { return labels[static_cast<size_t>(i)].front(); }
  /// The class with the highest score, the lowest index among equals.
  int predicted(int64_t i) const;
};

/// Of texts that are continued the mean cross entropy of a learned token, in nats; of words that
/// have classes that of a word.
double token_loss(const Predictions& predictions, const std::vector<int64_t>& samples);

/// Of texts that belong together: the share of ranks that are at most `most`.
double recall_at(const Predictions& predictions, const std::vector<int64_t>& samples, int64_t most);

/// counts[truth][predicted], single-label only.
std::vector<std::vector<int64_t>> confusion_matrix(const Predictions& predictions);

/// Precision, recall and F1 of one class, or of one type of entities; 0 where undefined.
struct ClassScore {
  std::string name;
  int64_t count = 0;
  double precision = 0, recall = 0, f1 = 0;
  double recall_low = 0, recall_high = 1;  ///< Wilson interval, 95 %
};
ClassScore class_score(const std::string& name, const Tally& tally);
/// Of each class; where words have classes, of each type of entities. Empty where there are none.
std::vector<ClassScore> class_scores(const Predictions& predictions);

/// As summary.json has them: a list of objects.
Json to_json(const std::vector<ClassScore>& scores);

/// One JSON object a sample, as predictions.jsonl holds them.
Json to_json_line(const Predictions& predictions, int64_t i, const std::string& split);

}  // namespace graft::eval
