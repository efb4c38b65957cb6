#pragma once

#include "tests/contract_training/fixture.h"

/// The tiny BERT of texts.h on texts that are compared.
namespace graft::contract {

enum class Kind : uint8_t { pairs, triples, scored };

/// A folder with train, validation and test (32, 12, 12 samples) as JSON lines; made once a
/// process. "the red tree sings" belongs to "sings on a red tree", not to "sings on a blue tree";
/// scores from 1 to 5 say how many words two texts share.
const std::filesystem::path& pairs(Kind kind);

/// As config_of, for text_base() on pairs().
Json pair_config(const std::filesystem::path& output, Kind kind);

/// Vectors [n k, D] of a view's texts, one text at a time.
at::Tensor vectors_of(models::Model& model, const data::View& view, int64_t texts_a_sample);

}  // namespace graft::contract
