#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graft/eval/predictions.h"
#include "graft/text/tags.h"

/// Words that have classes: what is said of them, counted word by word and by entities
/// (texts::TagSet).
namespace graft::eval {

/// A text whose words have classes. Classes are positions in Predictions::classes.
struct TaggedText {
  std::string input;
  std::vector<std::string> words;
  std::vector<int> truth, said;  ///< one a word
  float loss = 0;                ///< mean of the words that the model saw
};

/// Appends a text and counts it. `tags` is made of Predictions::classes.
void add_tagged(Predictions& predictions, const texts::TagSet& tags, TaggedText text);

/// Entities of one text that are there and were not found, and that were found and are not there.
struct WrongEntities {
  std::vector<texts::Entity> missed, extra;
};
WrongEntities wrong_entities(const texts::TagSet& tags, const std::vector<int>& truth,
                             const std::vector<int>& said);
/// "PER John Smith".
std::string entity_words(const texts::TagSet& tags, const texts::Entity& entity,
                         const std::vector<std::string>& words);

/// Entities of some samples, together.
Tally count_entities(const Predictions& predictions, const std::vector<int64_t>& samples);

/// What predictions.jsonl says of a text.
void describe_words(const Predictions& predictions, int64_t i, Json& line);

/// Scores of each type of entity, in the order of its tags.
std::vector<ClassScore> entity_scores(const Predictions& predictions);

}  // namespace graft::eval
