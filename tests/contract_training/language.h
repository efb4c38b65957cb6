#pragma once

#include "tests/contract_training/fixture.h"

/// The bundled stories260K on records of sums: "prompt" and "completion".
namespace graft::contract {

/// A folder with train, validation and test (24, 8, 8 records) as JSON lines; made once a process.
const std::filesystem::path& sums();
/// As config_of, for stories260K on sums().
Json language_config(const std::filesystem::path& output);
/// Sum of the losses and number of the learned tokens of a view, each text alone and by its logits.
std::pair<double, int64_t> plain_loss(train::Job& job, const data::View& view);

}  // namespace graft::contract
