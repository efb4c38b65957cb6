#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graft/data/dataset.h"
#include "graft/data/inputs.h"
#include "graft/models/load.h"
#include "graft/train/config.h"
#include "graft/train/objective.h"
#include "graft/train/preference.h"
#include "graft/train/work.h"

namespace graft::train {

/// A configuration with everything it names opened: data, model, and, once `prepare` ran, adapters,
/// stages and augmentation. What the loop executes.
struct Job {
  Config config;
  data::Dataset data;
  models::LoadedModel loaded;
  double forward_s = 0;  ///< a sample through the whole network, as planning tried it; 0: not known
  std::vector<std::string> notes;            ///< facts for the user: splits made, head fitted
  bool from_run = false;                     ///< the model is an earlier run
  std::vector<std::string> earlier_classes;  ///< its classes, then
  std::vector<strategies::Stage> stages;
  std::unique_ptr<data::Inputs> inputs;
  Reference reference;  ///< of preferences
  Profile profile;

  models::Model& model() const { return *loaded.model; }
  /// What is learned of the data.
  const Objective& objective() const { return objective_of(data.target); }
  strategies::Outline outline() const;
  /// Whether blocks run again in backward instead of keeping what they made.
  bool recomputes() const { return config.at("train", "recompute") == "blocks"; }
  /// Whether a batch that enters at the bottom and trains from block `border` up computes what
  /// texts have in common once (data/share_prefixes.h). Where blocks below it compute something
  /// their outputs may be kept sample by sample, and what is kept equals what is not, bit for bit.
  bool shares_prefixes(int border) const;
  /// Whether passes through the whole model that learn nothing do: in all stages of a run or in
  /// none, so that what is measured compares.
  bool shares_prefixes_measuring() const;
  /// FLOPs of one sample's update (Profile::update), with what runs again in backward; `computed`
  /// is the share of its tokens that go through the backbone.
  double update_flops(int from, int lowest, const std::vector<bool>& base_trained,
                      double computed = 1) const;
  /// FLOPs of one sample on its way through blocks [0, to_block), the head apart as above.
  double forward_flops(int to_block, double computed = 1) const;
  /// Share of the whole network's forward FLOPs that blocks [0, to_block) have.
  double share_of_forward(int to_block) const;
  /// Names of the lists of samples, "train" etc., and their sizes.
  int64_t train_size() const { return data.train.size(); }
};

/// Opens data and model. "auto" values may still stand in the configuration. With `own` data (see
/// data::make_dataset), `data` of the configuration is only what they are called.
Job open_job(const Config& config, std::optional<data::Dataset> own = std::nullopt);

bool reads_texts(const models::Model& model);
/// A model that reads texts without a tokenizer is an error (exit code 3).
void check_tokenizer(const models::Model& model);
/// Inputs as they enter the chain. Pictures must be readable by the model, and texts, too.
nn::Flow to_flow(const models::Model& model, const std::vector<image::Image>& pictures);
nn::Flow to_flow(const models::Model& model, const std::vector<data::Text>& texts);
/// A model whose preprocessing gives pictures of differing sizes is an error (exit code 2).
void check_input_size(const models::Model& model);
/// What a model reads, as samples of `usual` are; a model whose preprocessing gives pictures of
/// differing sizes is an error (exit code 2).
std::unique_ptr<data::Inputs> make_inputs(const models::Model& model, const data::View& usual);
/// Makes `inputs` for data and model; they must be of one kind (exit code 2).
void open_inputs(Job& job);

/// Puts the model on the device that the configuration names.
void move_model(Job& job);

/// Attaches adapters, makes stages and augmentation and measures the profile. Every "auto" must be
/// decided.
void prepare(Job& job);

/// The keys of `model` when it is a mapping.
const std::vector<Option>& model_options();
/// The model source that `model:` describes.
models::ModelSource model_source(const Config& config);
/// Sets the input size that `model.image_size` asks for, if it does; crops keep their proportion.
void apply_image_size(const Config& config, models::Model& model);

/// FLOPs of each block for one sample of the usual size.
Profile measure_profile(models::Model& model, const data::Inputs& inputs);

/// Updates the run needs under budgets of epochs, steps and samples; -1 when only time limits it.
/// A head that is solved reads the samples of an epoch once, which budget.samples pays for. A
/// budget too small for that or for one update is an error (exit code 4).
int64_t planned_steps(const Job& job);
/// Samples an epoch draws, micro-batches and updates in it.
struct EpochShape {
  int64_t samples, batches, steps;
};
EpochShape epoch_shape(const Config& config, int64_t train_size);

}  // namespace graft::train
