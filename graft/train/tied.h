#pragma once

#include <memory>
#include <optional>
#include <string>

#include "graft/models/load.h"
#include "graft/peft/hf_format.h"
#include "graft/peft/method.h"

/// Where a language model's output matrix is its embedding, one tensor has two places. What peft
/// adapts, or saves whole, it changes in one of them alone; so does graft, and to hold that in
/// plain weights, the model gets a matrix for each place.
namespace graft::train {

/// Module paths of the two.
struct TiedPlaces {
  std::string embedding, output;
};
/// Nothing where the model has no such matrix.
std::optional<TiedPlaces> tied_places(const models::Model& model);

/// Whether a method makes one of the two places learn whole (modules_to_save).
bool learns_tied_place(const models::Model& model, const std::vector<peft::Choice>& methods);
/// Whether an adapter sits on one of them.
bool adapts_tied_place(const models::Model& model);

/// Unties the model where the file has anything for one of the places, before it is attached.
void untie_for(const peft::LoadedAdapter& adapter, models::LoadedModel& loaded);

/// An untied copy that has the model's adapters, where adapts_tied_place; else null.
std::unique_ptr<models::Model> untied_copy(models::Model& model);

/// Folds every adapter into its layer.
void merge_adapters(models::LoadedModel& loaded);

}  // namespace graft::train
