#include "graft/text/formats/formats.h"

#include <fmt/format.h>

namespace graft::texts {
namespace {

Direction read_direction(const Node& node) {
  const std::string name = node.text();
  if (name == "Left") return Direction::left;
  if (name == "Right") return Direction::right;
  node.refuse("Left or Right");
}

Truncation read_truncation(const Node& node) {
  Truncation how;
  how.max_length = node.at("max_length").count();
  how.stride = node.at("stride").count();
  if (const auto direction = node.find("direction")) how.direction = read_direction(*direction);
  const std::string strategy = node.text("strategy");
  if (strategy == "OnlyFirst") {
    how.strategy = TruncationStrategy::only_first;
  } else if (strategy == "OnlySecond") {
    how.strategy = TruncationStrategy::only_second;
  } else if (strategy != "LongestFirst") {
    node.at("strategy").refuse("LongestFirst, OnlyFirst or OnlySecond");
  }
  return how;
}

// Padding allocates that many tokens for every text.
constexpr uint64_t kMostPadding = uint64_t{1} << 24;

Padding read_padding(const Node& node) {
  Padding how;
  const Node strategy = node.at("strategy");
  if (strategy.json().is_object()) {
    how.length = strategy.at("Fixed").count();
    if (*how.length > kMostPadding) strategy.at("Fixed").refuse("a length up to 2^24");
  } else if (strategy.text() != "BatchLongest") {
    strategy.refuse("BatchLongest or {\"Fixed\": length}");
  }
  how.direction = read_direction(node.at("direction"));
  if (const auto multiple = node.find("pad_to_multiple_of")) {
    how.multiple_of = multiple->count();
    if (how.multiple_of > kMostPadding) multiple->refuse("a number up to 2^24");
  }
  how.id = node.at("pad_id").id();
  how.type_id = node.at("pad_type_id").id();
  how.token = node.text("pad_token");
  return how;
}

AddedToken read_added(const Node& node) {
  return {node.text("content"),   node.boolean("single_word"), node.boolean("lstrip"),
          node.boolean("rstrip"), node.boolean("normalized"),  node.boolean("special")};
}

}  // namespace

TokenizerParts parts_of_json(const std::string& text, const std::string& where) {
  const TreeJson tree = parse_tree(text, where);
  const Node root(tree, where);
  if (const auto version = root.find("version"); version && version->text() != "1.0")
    version->refuse("version 1.0");
  TokenizerParts parts;
  if (const auto node = root.find("normalizer")) parts.normalizer = make_normalizer(*node);
  if (const auto node = root.find("pre_tokenizer")) parts.pre_tokenizer = make_pre_tokenizer(*node);
  if (const auto node = root.find("post_processor"))
    parts.post_processor = make_post_processor(*node);
  if (const auto node = root.find("decoder")) parts.decoder = make_decoder(*node);
  const Node model = root.at("model");
  parts.model = make_model(model);
  if (const auto dropout = model.find("dropout"); dropout && dropout->number() > 0) {
    parts.notes.push_back(
        fmt::format("{}: dropout {} is left out; the same text always gives the same tokens",
                    dropout->where(), dropout->number()));
  }
  if (const auto tokens = root.find("added_tokens")) {
    for (const Node& item : tokens->items()) parts.added_tokens.push_back(read_added(item));
  }
  if (const auto node = root.find("truncation")) parts.truncation = read_truncation(*node);
  if (const auto node = root.find("padding")) parts.padding = read_padding(*node);
  return parts;
}

}  // namespace graft::texts
