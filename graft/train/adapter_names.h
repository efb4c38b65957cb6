#pragma once

#include "graft/models/model.h"
#include "graft/peft/hf_format.h"

namespace graft::train {

/// Module paths of a model → those of an adapter file. peft counts from the class of transformers
/// that it was given: where that is the bare model (embeddings), without the model's prefix. `v4`:
/// the names of transformers 4. Empty where nothing changes.
peft::Rename names_in_adapter(const models::Model& model, bool v4);

/// The way back, from a file of any version.
peft::Rename names_from_adapter(const models::Model& model);

}  // namespace graft::train
