#include "graft/text/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>

namespace graft::texts {
namespace {

// Vocabularies with holes exist, ids in the billions for a few tokens are damage.
constexpr uint64_t kMostHoles = uint64_t{1} << 20;

}  // namespace

Vocabulary Vocabulary::read(const Node& node) {
  const TreeJson& members = node.object();
  Vocabulary result;
  result.ids_.reserve(members.size());
  for (const auto& [token, value] : members.items()) {
    const Node item(value, node.where());
    const uint32_t id = item.id();
    if (id > members.size() + kMostHoles) {
      Node(value, node.where() + ".'" + token + "'")
          .refuse(fmt::format("an id of a vocabulary of {} tokens", members.size()));
    }
    result.put(token, id);
  }
  return result;
}

Vocabulary::Vocabulary(std::vector<std::string> tokens) {
  ids_.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) put(tokens[i], static_cast<uint32_t>(i));
}

void Vocabulary::put(const std::string& token, uint32_t id) {
  ids_.set(token, id);
  if (id >= tokens_.size()) {
    tokens_.resize(id + 1);
    known_.resize(id + 1);
  }
  tokens_[id] = token;
  known_[id] = true;
  longest_ = std::max(longest_, token.size());
}

ByteTokens::ByteTokens(const Vocabulary& vocabulary) : ids_(256, -1) {
  for (size_t byte = 0; byte < ids_.size(); ++byte) {
    if (const auto id = vocabulary.id(fmt::format("<0x{:02X}>", byte))) ids_[byte] = *id;
  }
}

std::optional<uint32_t> ByteTokens::of(char byte) const {
  const int64_t id = ids_[static_cast<uint8_t>(byte)];
  if (id < 0) return std::nullopt;
  return static_cast<uint32_t>(id);
}

bool ByteTokens::complete() const {
  return std::ranges::none_of(ids_, [](int64_t id) { return id < 0; });
}

}  // namespace graft::texts
