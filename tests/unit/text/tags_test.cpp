#include "graft/text/tags.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace graft::test {
namespace {

using texts::Entity;
using texts::TagSet;
using Names = std::vector<std::string>;

/// "PER 0 2": type, first word, the one behind the last.
Names entities(const Names& tags, const Names& text) {
  const TagSet set(tags);
  std::vector<int> places;
  for (const std::string& tag : text)
    places.push_back(static_cast<int>(std::ranges::find(tags, tag) - tags.begin()));
  Names found;
  for (const Entity& entity : set.entities(places)) {
    found.push_back(set.types()[static_cast<size_t>(entity.type)] + " " +
                    std::to_string(entity.begin) + " " + std::to_string(entity.end));
  }
  return found;
}

TEST(Tags, OfEachSchemeSayTheSame) {
  const Names expected = {"PER 0 2", "LOC 3 4", "LOC 4 7"};
  EXPECT_EQ(entities({"O", "B-PER", "I-PER", "B-LOC", "I-LOC"},
                     {"B-PER", "I-PER", "O", "B-LOC", "B-LOC", "I-LOC", "I-LOC"}),
            expected);
  EXPECT_EQ(entities({"O", "I-PER", "B-LOC", "I-LOC"},
                     {"I-PER", "I-PER", "O", "I-LOC", "B-LOC", "I-LOC", "I-LOC"}),
            expected);
  EXPECT_EQ(entities({"O", "B-PER", "E-PER", "S-LOC", "B-LOC", "I-LOC", "E-LOC"},
                     {"B-PER", "E-PER", "O", "S-LOC", "B-LOC", "I-LOC", "E-LOC"}),
            expected);
  EXPECT_EQ(entities({"O", "B-PER", "L-PER", "U-LOC", "B-LOC", "I-LOC", "L-LOC"},
                     {"B-PER", "L-PER", "O", "U-LOC", "B-LOC", "I-LOC", "L-LOC"}),
            expected);
  EXPECT_EQ(entities({"O", "B_PER", "I_PER", "B_LOC", "I_LOC"},
                     {"B_PER", "I_PER", "O", "B_LOC", "B_LOC", "I_LOC", "I_LOC"}),
            expected);
}

TEST(Tags, WithoutPlacesAreTypes) {
  // Beside "O" a run is an entity …
  EXPECT_EQ(entities({"O", "PER", "LOC"}, {"PER", "PER", "LOC", "O", "LOC"}),
            (Names{"PER 0 2", "LOC 2 3", "LOC 4 5"}));
  // … and where every word is something, each is one.
  EXPECT_EQ(entities({"NOUN", "VERB"}, {"NOUN", "NOUN", "VERB"}),
            (Names{"NOUN 0 1", "NOUN 1 2", "VERB 2 3"}));
  EXPECT_FALSE(TagSet({"O", "PER"}).has_places());
  // Letters that are places elsewhere are types where there is no "O".
  EXPECT_EQ(entities({"I", "S"}, {"I", "I"}), (Names{"I 0 1", "I 1 2"}));
}

TEST(Tags, ThatGoOnWithoutABeginningAreCounted) {
  const TagSet set({"O", "B-A", "I-A", "I-B"});
  EXPECT_EQ(set.without_beginning(std::vector<int>{1, 2, 0, 2, 3}), 2);
  EXPECT_EQ(set.without_beginning(std::vector<int>{1, 2, 2, 1}), 0);
  EXPECT_EQ(set.without_beginning(std::vector<int>{}), 0);
}

}  // namespace
}  // namespace graft::test
