#include "graft/text/tags.h"

#include <algorithm>
#include <string_view>

namespace graft::texts {
namespace {

constexpr std::string_view kPlaces = "BIESLU";

bool names_place(const std::string& tag) {
  return tag.size() >= 2 && kPlaces.find(tag[0]) != std::string::npos &&
         (tag[1] == '-' || tag[1] == '_');
}

bool is_bare_place(const std::string& tag) {
  return tag.size() == 1 && kPlaces.find(tag[0]) != std::string::npos;
}

char usual_place(char place) {
  return place == 'L' ? 'E' : place == 'U' ? 'S' : place;
}

/// Whether an entity is over before a word: seqeval's end_of_chunk.
bool ends(char before, char now, bool same_type) {
  if (before == 'O') return false;
  if (before == 'E' || before == 'S' || !same_type) return true;
  return now == 'B' || now == 'S' || now == 'O';
}

/// Whether one begins with it: seqeval's start_of_chunk.
bool begins(char before, char now, bool same_type) {
  if (now == 'O') return false;
  if (now == 'B' || now == 'S' || !same_type) return true;
  return before == 'E' || before == 'S' || before == 'O';
}

}  // namespace

TagSet::TagSet(const std::vector<std::string>& tags) {
  const bool outside = std::ranges::find(tags, "O") != tags.end();
  has_places_ = std::ranges::any_of(tags, names_place) ||
                (outside && std::ranges::any_of(tags, is_bare_place));
  for (const std::string& tag : tags) {
    if (tag == "O") {
      tags_.push_back({});
    } else if (names_place(tag)) {
      tags_.push_back({usual_place(tag[0]), type_called(tag.size() > 2 ? tag.substr(2) : "_")});
    } else if (has_places_ && is_bare_place(tag)) {
      tags_.push_back({usual_place(tag[0]), type_called("_")});
    } else {
      tags_.push_back({outside || has_places_ ? 'I' : 'S', type_called(tag)});
    }
  }
}

int TagSet::type_called(const std::string& name) {
  const auto found = std::ranges::find(types_, name);
  if (found == types_.end()) {
    types_.push_back(name);
    return static_cast<int>(types_.size()) - 1;
  }
  return static_cast<int>(found - types_.begin());
}

std::vector<Entity> TagSet::entities(std::span<const int> tags) const {
  std::vector<Entity> found;
  Tag before;
  int64_t begin = 0;
  const auto size = static_cast<int64_t>(tags.size());
  for (int64_t i = 0; i <= size; ++i) {
    const Tag now = i < size ? tags_[static_cast<size_t>(tags[static_cast<size_t>(i)])] : Tag();
    const bool same = before.type == now.type;
    if (ends(before.place, now.place, same)) found.push_back({before.type, begin, i});
    if (begins(before.place, now.place, same)) begin = i;
    before = now;
  }
  return found;
}

int64_t TagSet::without_beginning(std::span<const int> tags) const {
  if (!has_places_) return 0;
  const auto all = entities(tags);
  return std::ranges::count_if(all, [&](const Entity& entity) {
    const int first = tags[static_cast<size_t>(entity.begin)];
    const char place = tags_[static_cast<size_t>(first)].place;
    return place == 'I' || place == 'E';
  });
}

}  // namespace graft::texts
