#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "graft/report/run_folder.h"

namespace graft::report {

/// How often a sample of one class was taken for another. Sparse: there may be thousands of
/// classes.
struct Confusion {
  std::vector<std::string> classes;
  std::map<std::pair<size_t, size_t>, int64_t> counts;  ///< (actual, predicted)
  std::vector<int64_t> actual;                          ///< samples of each class
  std::string counted = "Samples";                      ///< what the counts are of

  int64_t at(size_t actual_class, size_t predicted_class) const;
  bool empty() const { return counts.empty(); }
  /// Few enough classes for a matrix that can be read (30).
  bool is_small() const;
};

/// Counts the single-label predictions of a split. `run.classes` give the order; classes that only
/// the predictions name follow.
Confusion count_confusion(const RunFolder& run, const std::string& split);

struct ConfusedPair {
  std::string actual;
  std::string predicted;
  int64_t count;
  double share;  ///< of the samples of the actual class
};
/// The most frequent errors first.
std::vector<ConfusedPair> most_confused(const Confusion& confusion, size_t limit);

/// A heat table for at most 30 classes, else the most confused pairs. Empty without predictions.
std::string render(const Confusion& confusion);

/// Precision, recall and F1 of each class, with counts; single- and multi-label.
struct ClassScore {
  std::string name;
  int64_t count;
  double precision, recall, f1;
};
std::vector<ClassScore> class_scores(const RunFolder& run, const std::string& split);

}  // namespace graft::report
