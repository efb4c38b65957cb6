#pragma once

#include "tests/contract_training/fixture.h"

/// A tiny BERT on tiny texts.
namespace graft::contract {

/// What the labels of made-up texts are.
enum class Labels : uint8_t { one, several, number };

/// A folder with train, validation and test (36, 12, 12 records) as JSON lines: sentences with a
/// word of their class, or with as many of some words as the number says.
std::filesystem::path make_texts(const std::filesystem::path& folder, Labels labels = Labels::one);
/// Made once a process.
const std::filesystem::path& texts(Labels labels = Labels::one);

/// The vocabulary of tests/contract_training/word_piece, which is a WordPiece tokenizer.
std::filesystem::path word_piece();
/// config.json of a BERT with three layers of 32 and dropout.
Json tiny_bert();
/// A folder with random weights of it and the tokenizer: what a pretrained model looks like.
const std::filesystem::path& text_base();

/// As config_of, for text_base() on texts().
Json text_config(const std::filesystem::path& output, Labels labels = Labels::one);

/// Logits of a view's texts by a model.
at::Tensor text_logits(models::Model& model, const data::View& view);

}  // namespace graft::contract
