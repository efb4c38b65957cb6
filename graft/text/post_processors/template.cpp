#include <algorithm>
#include <optional>

#include "graft/text/post_processor.h"

namespace graft::texts {
namespace {

/// A place in a template: one of the texts, or special tokens.
struct Place {
  int sequence = -1;  ///< 0 or 1; -1 for special tokens
  uint32_t type_id = 0;
  std::vector<SpecialToken> tokens;
};

Place read_place(const Node& item, const Node& specials) {
  Place place;
  if (const auto sequence = item.find("Sequence")) {
    const std::string id = sequence->text("id");
    if (id != "A" && id != "B") sequence->at("id").refuse("A or B");
    place.sequence = id == "A" ? 0 : 1;
    place.type_id = sequence->at("type_id").id();
    return place;
  }
  const Node special = item.at("SpecialToken");
  place.type_id = special.at("type_id").id();
  const Node found = specials.at(special.text("id"));
  const auto ids = found.at("ids").items();
  const auto tokens = found.at("tokens").items();
  if (ids.size() != tokens.size()) found.refuse("as many ids as tokens");
  for (size_t i = 0; i < ids.size(); ++i) place.tokens.push_back({tokens[i].text(), ids[i].id()});
  return place;
}

std::vector<Place> read_template(const Node& list, const Node& specials) {
  std::vector<Place> places;
  for (const Node& item : list.items()) places.push_back(read_place(item, specials));
  return places;
}

/// Texts and special tokens in any order, as two lists say: for one text, and for two.
class Template : public PostProcessor {
 public:
  Template(std::vector<Place> single, std::vector<Place> pair)
      : single_(std::move(single)), pair_(std::move(pair)) {}

  size_t added(bool pair) const override {
    size_t sum = 0;
    for (const Place& place : pair ? pair_ : single_) sum += place.tokens.size();
    return sum;
  }

  void apply(std::vector<Encoding>& parts, bool add_special) const override {
    std::vector<Encoding> result;
    for (const Place& place : parts.size() > 1 ? pair_ : single_) {
      if (place.sequence >= 0) {
        Encoding part = parts[static_cast<size_t>(place.sequence)];
        std::ranges::fill(part.type_ids, place.type_id);
        result.push_back(std::move(part));
      } else if (add_special) {
        result.push_back(special_encoding(place.tokens, place.type_id, parts[0]));
      }
    }
    parts = std::move(result);
  }

 private:
  std::vector<Place> single_;
  std::vector<Place> pair_;
};

}  // namespace

std::unique_ptr<const PostProcessor> make_template_post_processor(const Node& node, int /*depth*/) {
  const Node specials = node.at("special_tokens");
  auto single = read_template(node.at("single"), specials);
  auto pair = read_template(node.at("pair"), specials);
  const auto is_second = [](const Place& place) { return place.sequence == 1; };
  if (std::ranges::any_of(single, is_second))
    node.at("single").refuse("a template of one text (only A)");
  return std::make_unique<Template>(std::move(single), std::move(pair));
}

}  // namespace graft::texts
