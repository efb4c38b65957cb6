#pragma once

#include "graft/data/check_records.h"

namespace graft::cli {

/// `graft check` with a model: what its tokenizer and chat template make of the records of
/// `dataset`. `given` has the keys of a configuration, of which `model`, `chat` and `train` count;
/// the model's weights are not read.
data::RecordReport check_records(const data::Dataset& dataset, const Json& given);

}  // namespace graft::cli
