#pragma once

#include "tests/contract_training/fixture.h"

/// The tiny BERT of texts.h on sentences whose words have tags.
namespace graft::contract {

/// A folder with train.txt, validation.txt and test.txt (36, 12, 12 sentences) in lines of words
/// and tags; made once a process. Names (PER) have letters that are tokens of their own; things
/// (THING) may have a colour before them. B-PER, I-PER, B-THING, I-THING and O are all in each of
/// them.
const std::filesystem::path& tagged();

/// As config_of, for text_base() on tagged().
Json tag_config(const std::filesystem::path& output);

/// The words of a text, each with its class.
struct Word {
  std::string text;
  int label;
};
std::vector<Word> words_of(const data::View& view, int64_t position);

/// Of the first token of each word of a text, read alone: log-probabilities [words, classes] in
/// double precision. Words are tokenized one by one.
at::Tensor word_scores(models::Model& model, const std::vector<Word>& words);

/// Sum of the losses of a view's words and their number, each text alone and by its logits.
std::pair<double, int64_t> word_loss(models::Model& model, const data::View& view);

}  // namespace graft::contract
