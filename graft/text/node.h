#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace graft::texts {

/// Vocabularies have 10^5 keys: graft::Json keeps their order at the price of a search for each.
using TreeJson = nlohmann::json;

/// Parses JSON; throws (exit code 3) naming `where`.
TreeJson parse_tree(const std::string& text, const std::string& where);

/// A value of a JSON document and where it stands, for errors: "tokenizer.json, model.vocab". All
/// accessors throw (exit code 3) where the type is not as asked.
class Node {
 public:
  Node(const TreeJson& value, std::string where) : value_(&value), where_(std::move(where)) {}

  const TreeJson& json() const { return *value_; }
  const std::string& where() const { return where_; }
  bool is_null() const { return value_->is_null(); }

  /// The member called `key`; absent is an error for `at`, null or absent gives nothing for `find`.
  Node at(const std::string& key) const;
  std::optional<Node> find(const std::string& key) const;
  std::vector<Node> items() const;

  std::string text() const;
  bool boolean() const;
  uint64_t count() const;
  double number() const;
  /// One character.
  char32_t character() const;
  /// An id of a token: below 2^31.
  uint32_t id() const;
  const TreeJson& object() const;
  const TreeJson& array() const;

  std::string text(const std::string& key) const { return at(key).text(); }
  bool boolean(const std::string& key) const { return at(key).boolean(); }
  bool boolean(const std::string& key, bool fallback) const;
  std::string text(const std::string& key, const std::string& fallback) const;
  std::optional<std::string> optional_text(const std::string& key) const;

  /// Refuses the value: says where it stands and what was expected.
  [[noreturn]] void refuse(const std::string& expected) const;

 private:
  const TreeJson* value_;
  std::string where_;
};

/// How deep components may stand in each other ("Sequence" in "Sequence").
inline constexpr int kMaxNesting = 16;

}  // namespace graft::texts
