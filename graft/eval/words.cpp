#include "graft/eval/words.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace graft::eval {
namespace {

using Entities = std::vector<texts::Entity>;

/// Those of `a` that `b` has not; both are in the order of their words.
Entities without(const Entities& a, const Entities& b) {
  Entities rest;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(rest),
                      [](const texts::Entity& x, const texts::Entity& y) {
                        return std::tie(x.begin, x.end, x.type) < std::tie(y.begin, y.end, y.type);
                      });
  return rest;
}

Json names_of(const Predictions& p, const std::vector<int>& tags) {
  Json names = Json::array();
  for (const int tag : tags) names.push_back(p.classes[static_cast<size_t>(tag)]);
  return names;
}

}  // namespace

WrongEntities wrong_entities(const texts::TagSet& tags, const std::vector<int>& truth,
                             const std::vector<int>& said) {
  const Entities true_ones = tags.entities(truth);
  const Entities said_ones = tags.entities(said);
  return {without(true_ones, said_ones), without(said_ones, true_ones)};
}

std::string entity_words(const texts::TagSet& tags, const texts::Entity& entity,
                         const std::vector<std::string>& words) {
  std::string text = tags.types()[static_cast<size_t>(entity.type)];
  for (int64_t i = entity.begin; i < entity.end; ++i) text += " " + words[static_cast<size_t>(i)];
  return text;
}

void add_tagged(Predictions& p, const texts::TagSet& tags, TaggedText text) {
  const auto words = static_cast<int64_t>(text.truth.size());
  int64_t hits = 0;
  for (size_t i = 0; i < text.truth.size(); ++i) hits += text.truth[i] == text.said[i] ? 1 : 0;
  const auto truth = static_cast<int64_t>(tags.entities(text.truth).size());
  const auto said = static_cast<int64_t>(tags.entities(text.said).size());
  const WrongEntities wrong = wrong_entities(tags, text.truth, text.said);
  p.entities.push_back({truth, said, truth - static_cast<int64_t>(wrong.missed.size())});
  p.tokens.push_back(words);
  p.hits.push_back(hits);
  p.losses.push_back(text.loss);
  p.inputs.push_back(std::move(text.input));
  p.words.push_back(std::move(text.words));
  p.labels.push_back(std::move(text.truth));
  p.said.push_back(std::move(text.said));
}

Tally count_entities(const Predictions& p, const std::vector<int64_t>& samples) {
  Tally sum;
  for (const int64_t i : samples) {
    const Tally& own = p.entities[static_cast<size_t>(i)];
    sum.truth += own.truth;
    sum.said += own.said;
    sum.hits += own.hits;
  }
  return sum;
}

void describe_words(const Predictions& p, int64_t i, Json& line) {
  const auto at = static_cast<size_t>(i);
  const texts::TagSet tags(p.classes);
  const auto words_of = [&](const Entities& entities) {
    Json list = Json::array();
    for (const texts::Entity& entity : entities)
      list.push_back(entity_words(tags, entity, p.words[at]));
    return list;
  };
  const WrongEntities wrong = wrong_entities(tags, p.labels[at], p.said[at]);
  line["words"] = p.words[at];
  line["tags"] = names_of(p, p.labels[at]);
  line["predicted"] = names_of(p, p.said[at]);
  line["missed"] = words_of(wrong.missed);
  line["extra"] = words_of(wrong.extra);
  line["loss"] = p.losses[at];
}

std::vector<ClassScore> entity_scores(const Predictions& p) {
  const texts::TagSet tags(p.classes);
  std::vector<Tally> counts(tags.types().size());
  const auto of = [&](const texts::Entity& entity) -> Tally& {
    return counts[static_cast<size_t>(entity.type)];
  };
  for (size_t i = 0; i < p.said.size(); ++i) {
    const Entities truth = tags.entities(p.labels[i]);
    const Entities said = tags.entities(p.said[i]);
    for (const texts::Entity& entity : truth) ++of(entity).truth;
    for (const texts::Entity& entity : said) ++of(entity).said;
    for (const texts::Entity& entity : truth) ++of(entity).hits;
    for (const texts::Entity& entity : without(truth, said)) --of(entity).hits;
  }
  std::vector<ClassScore> scores;
  for (size_t type = 0; type < counts.size(); ++type)
    scores.push_back(class_score(tags.types()[type], counts[type]));
  return scores;
}

}  // namespace graft::eval
