#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/report/boxed_picture.h"
#include "graft/report/run_log.h"

namespace graft::report {

/// One line of predictions.jsonl. Single-label samples have one label and one predicted class.
struct Prediction {
  std::string split;
  std::string input;
  std::vector<std::string> label;
  std::vector<std::string> predicted;
  double probability;        ///< of what was predicted
  double label_probability;  ///< of the label
  double loss;
  double value = std::numeric_limits<double>::quiet_NaN();   ///< of numbers, and of pairs with a
  double said = std::numeric_limits<double>::quiet_NaN();    ///< score: true and predicted
  double tokens = std::numeric_limits<double>::quiet_NaN();  ///< of a text that is continued: the
  double hits = std::numeric_limits<double>::quiet_NaN();    ///< learned ones, and those guessed
  double chosen = std::numeric_limits<double>::quiet_NaN();  ///< of a preference: log-probabilities
  double rejected = std::numeric_limits<double>::quiet_NaN();  ///< of its answers, and by how much
  double margin = std::numeric_limits<double>::quiet_NaN();    ///< the chosen one has gained more
  double rank = std::numeric_limits<double>::quiet_NaN();  ///< of what belongs to a text, from 1
  bool words = false;  ///< a text whose words have classes: its entities that were missed, and what
  std::vector<std::string> missed = {}, extra = {};  ///< was taken for one and is none

  bool correct() const;
};

/// A run folder as it lies on disk, finished or still running (docs/run_folder.md).
struct RunFolder {
  std::filesystem::path path;
  std::string name;         ///< last component of the path
  std::string config_text;  ///< config.yaml as it is written
  Json config;              ///< null when absent or unreadable; so are the next two
  Json plan;
  Json summary;
  RunLog log;
  std::vector<Prediction> predictions;
  std::vector<BoxedPicture> pictures;  ///< in the place of predictions where boxes are learned
  bool multi_label = false;            ///< some label is a list
  bool regression = false;             ///< labels are numbers: predictions have no classes
  bool language = false;               ///< texts are continued or masked: no labels
  bool preference = false;             ///< of each two answers, one of them chosen
  bool words = false;                  ///< words have classes, and the table by class has entities
  bool pairs = false;                  ///< texts are compared: there are no classes
  bool boxes = false;                  ///< objects are found in pictures
  std::vector<std::string> classes;    ///< in the order of the model's outputs; may be empty
  std::vector<std::string> notes;      ///< what could not be read, for people

  /// A field of the summary, else of the start event, else of the config: "task", "model",
  /// "method", "strategy", "seed". Empty when nobody says.
  std::string field(const char* key) const;
  /// "completed", "early-stopped", "deadline", "interrupted", "diverged"; "running" without an end.
  std::string status() const;
  std::vector<Decision> decisions() const;
  std::vector<Candidate> candidates() const;
};

/// Reads a run folder. Missing files, a torn last line of a log and unknown events are fine; broken
/// files are left out and named in `notes`. Throws (exit code 3) only for a folder that is no run:
/// one without config.yaml, log.jsonl and summary.json.
RunFolder read_run_folder(const std::filesystem::path& path);

/// The number a run is judged by.
struct Headline {
  std::string name;          ///< "accuracy"; empty when nothing was measured yet
  std::string split;         ///< "test", "validation"
  Measure measure;           ///< NaN when not known
  double validation;         ///< the same metric on the validation split; NaN when not known
  bool provisional = false;  ///< the latest evaluation of a run without a summary
};
Headline headline(const RunFolder& run);

}  // namespace graft::report
