#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace graft::texts {

/// Some words one after the other that are one thing of a type.
struct Entity {
  int type = 0;                ///< position in TagSet::types
  int64_t begin = 0, end = 0;  ///< words [begin, end)
  bool operator==(const Entity&) const = default;
};

/// What tags of words mean together. A tag is "O" (outside of everything), or a place and a type,
/// "B-PER": B begins an entity, I goes on, E ends it, S is all of it; L and U stand for E and S.
/// So IOB1, IOB2, IOBES and BILOU are read as they are, and nobody needs to say which it is.
///
/// Which words are an entity is decided as by seqeval 1.2.2 (Nakayama 2018) in its default mode,
/// ill-formed sequences included; a bare place ("B") has the type "_". Tags that name no place are
/// types: beside an "O" a run of equal ones is one entity, and without "O" (parts of speech) each
/// word is one by itself.
class TagSet {
 public:
  TagSet() = default;
  explicit TagSet(const std::vector<std::string>& tags);

  /// In the order of the tags that name them.
  const std::vector<std::string>& types() const { return types_; }
  /// Whether tags say where in an entity a word stands.
  bool has_places() const { return has_places_; }
  /// `tags` are positions in the list that the set was made of.
  std::vector<Entity> entities(std::span<const int> tags) const;
  /// Entities that begin with a word whose tag says that one goes on (I or E). Of all entities that
  /// is the way of IOB1; of a few it is a fault.
  int64_t without_beginning(std::span<const int> tags) const;

 private:
  struct Tag {
    char place = 'O';
    int type = -1;
  };
  int type_called(const std::string& name);

  std::vector<Tag> tags_;
  std::vector<std::string> types_;
  bool has_places_ = false;
};

}  // namespace graft::texts
