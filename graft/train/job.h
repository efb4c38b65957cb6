#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graft/data/dataset.h"
#include "graft/image/augment.h"
#include "graft/models/load.h"
#include "graft/train/config.h"
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
  std::vector<std::string> earlier_classes;  ///< when the model is an earlier run: its classes
  std::vector<strategies::Stage> stages;
  image::Augmentation augmentation;
  Profile profile;

  models::Model& model() const { return *loaded.model; }
  strategies::Outline outline() const;
  /// Height and width of the network's input.
  /// Share of the whole network's forward FLOPs that blocks [0, to_block) have.
  double share_of_forward(int to_block) const;
  int64_t input_height() const;
  int64_t input_width() const;
  /// Names of the lists of samples, "train" etc., and their sizes.
  int64_t train_size() const { return data.train.size(); }
};

/// Opens data and model. "auto" values may still stand in the configuration. With `own` data (see
/// data::make_dataset), `data` of the configuration is only what they are called.
Job open_job(const Config& config, std::optional<data::Dataset> own = std::nullopt);

/// Attaches adapters, makes stages and augmentation and measures the profile. Every "auto" must be
/// decided.
void prepare(Job& job);

/// The keys of `model` when it is a mapping.
const std::vector<Option>& model_options();
/// The model source that `model:` describes.
models::ModelSource model_source(const Config& config);
/// Sets the input size that `model.image_size` asks for, if it does; crops keep their proportion.
void apply_image_size(const Config& config, models::Model& model);

/// FLOPs of each block for one picture of the network's size.
Profile measure_profile(models::Model& model, int64_t height, int64_t width);

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
