#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/base/target.h"
#include "graft/data/dataset.h"
#include "graft/data/inputs.h"
#include "graft/eval/predictions.h"
#include "graft/image/image.h"
#include "graft/models/detector.h"
#include "graft/models/load.h"
#include "graft/nn/flow.h"
#include "graft/train/config.h"
#include "graft/train/loss.h"

namespace graft::train {

class Deadline;
class Reader;
struct Job;

/// Samples of the largest and of the smallest class; zeros where there are no classes.
struct ClassSizes {
  int64_t largest = 0, smallest = 0;
};

/// What is chosen where the user left it open, and why.
struct Choice {
  std::string value, reason;
};

/// Collects what a chain gives of the samples of a view until it becomes predictions.
class Evaluation {
 public:
  Evaluation() = default;
  virtual ~Evaluation() = default;
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;
  /// `result` is what the chain's end gave of the samples at `positions`, in this order.
  virtual void add(const nn::Flow& result, const std::vector<int64_t>& positions) = 0;
  /// In the order of the view, in whatever order they came.
  virtual eval::Predictions finish() = 0;
};

/// What a model says about one input, in the forms that `graft predict` prints.
struct Answer {
  std::string line;                              ///< for people
  std::vector<std::string> cells;                ///< under Objective::columns
  Json json;                                     ///< an object
  std::vector<std::vector<float>> vectors = {};  ///< where each text of the input lies
  models::Detections objects = {};               ///< that were found in the picture
};

/// All that a run does in its own way for what it learns of a sample. objectives/<name>.cpp makes
/// one, objectives.def lists it; everything else asks here.
class Objective {
 public:
  Objective() = default;
  virtual ~Objective() = default;
  Objective(const Objective&) = delete;
  Objective& operator=(const Objective&) = delete;

  // What it is.

  virtual Target target() const = 0;
  /// As `task` of a configuration names it.
  virtual std::string task(data::Content content) const = 0;
  /// What is so of its data: "every sample has one class".
  virtual std::string fact() const = 0;
  /// What a model that learned it does: "tells samples apart".
  virtual std::string ability() const = 0;
  virtual models::Task head() const = 0;
  /// What the model's config says of it (models::problem_name).
  virtual Target problem() const { return target(); }
  bool has_classes() const;

  // Configuration.

  /// What data.format=auto means where `task` names this; empty: what the files look like.
  virtual std::string data_format() const { return ""; }
  /// Makes `data` its own where the configuration asks for that; says whether it did.
  virtual bool claim(const Config& /*config*/, data::Dataset& /*data*/) const { return false; }
  /// What train.loss may be; the first is what auto means.
  virtual std::vector<std::string> losses() const = 0;
  /// Refuses settings that have no meaning for it (exit code 2), and decides what only it knows.
  virtual void settle(Config& /*config*/, const data::Dataset& /*data*/) const {}
  /// What best weights and early stopping follow.
  virtual Choice metric(const ClassSizes& sizes) const = 0;

  // Model and data.

  /// How samples enter the chain of job.model().
  virtual std::unique_ptr<data::Inputs> inputs(Job& job) const;
  /// What became of the model's head, for the user.
  virtual std::string head_note(const Job& job) const;
  /// Sets what of a new head is known before the first step.
  virtual void start(Job& /*job*/) const {}
  /// The head is made anew for the data; otherwise it came with the model, or there is none.
  virtual bool new_head() const { return true; }
  /// What may find the head at once, the usual one first (strategies::Stage::solver).
  virtual std::vector<std::string> solvers() const { return {}; }
  /// Samples that a batch should have where there are as many: less teaches less.
  virtual int64_t least_batch() const { return 1; }
  /// A usual learning rate is multiplied by this.
  virtual double rate(const Job& /*job*/) const { return 1; }

  // Training.

  /// Samples that pass through the whole network before the first update.
  virtual int64_t samples_before(const Job& /*job*/) const { return 0; }
  /// Called before the first update with the run's folder (or nothing), where weights are still
  /// what the run began with unless it `goes_on`.
  virtual void begin(Job& /*job*/, Reader& /*reader*/, const Deadline& /*deadline*/,
                     const std::filesystem::path& /*folder*/, bool /*goes_on*/) const {}
  /// The same for trial updates on some training samples, which will be undone; true where they may
  /// see no others.
  virtual bool begin_trial(Job& /*job*/, Reader& /*reader*/,
                           const std::vector<int64_t>& /*positions*/) const {
    return false;
  }
  /// What `loss` compares with, on the model's device; undefined where it travels in the flow.
  virtual at::Tensor targets(const Job& /*job*/, const data::View& /*view*/,
                             const std::vector<int64_t>& /*positions*/) const {
    return {};
  }
  /// Targets of made-up samples, as `targets` gives them.
  virtual at::Tensor example_targets(const Job& /*job*/, int64_t /*samples*/) const { return {}; }
  /// Of what the whole chain gave.
  virtual LossValue loss(const nn::Flow& result, const at::Tensor& targets,
                         const LossOptions& options) const = 0;

  // Evaluation.

  virtual std::unique_ptr<Evaluation> evaluation(const Job& job, const data::View& view) const = 0;
  /// What an evaluation on validation tells that belongs into the config of a model with these
  /// weights; null where nothing does. The best one's is there when `describe` is called.
  virtual Json settings(const Job& /*job*/, const eval::Predictions& /*validation*/) const {
    return nullptr;
  }
  /// Adds to summary.json what only it has: scores of every class.
  virtual void describe(const Job& /*job*/, const eval::Predictions& /*measured*/,
                        Json& /*summary*/) const {}
  /// A text as the report shows it.
  virtual std::string shown(const data::Text& text) const;

  // Answers.

  /// Names of Answer::cells behind the input's; empty: `graft predict` is not for it.
  virtual std::vector<std::string> columns() const { return {}; }
  /// Refuses (exit code 2) a model that was not trained for it. `name` is what the user called it.
  virtual void check_answers(const models::LoadedModel& /*loaded*/,
                             const std::string& /*name*/) const {}
  /// What a model says; `top`: at most so many alternatives for people.
  virtual std::vector<Answer> answer(models::Model& model,
                                     const std::vector<image::Image>& pictures, int top) const;
  virtual std::vector<Answer> answer(models::Model& model, const std::vector<data::Text>& texts,
                                     int top) const;
};

/// The one that `task` of a configuration names; of several the first. An error (exit code 2) tells
/// the tasks that are known.
const Objective& objective_called(const std::string& task);

/// The catalogue, in the order of objectives.def.
const std::vector<std::unique_ptr<Objective>>& objectives();
const Objective& objective_of(Target target);

}  // namespace graft::train
