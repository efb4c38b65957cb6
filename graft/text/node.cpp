#include "graft/text/node.h"

#include <algorithm>

#include "graft/base/error.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {

TreeJson parse_tree(const std::string& text, const std::string& where) {
  try {
    return TreeJson::parse(text);
  } catch (const nlohmann::json::exception& e) {
    fail_unreadable("{}: not valid JSON ({})", where, e.what());
  }
}

Node Node::at(const std::string& key) const {
  const TreeJson& members = object();
  const auto found = members.find(key);
  if (found == members.end()) {
    fail_unreadable("{}: '{}' is missing; a tokenizer written by Hugging Face tokenizers has it",
                    where_, key);
  }
  return {*found, where_ + "." + key};
}

std::optional<Node> Node::find(const std::string& key) const {
  const TreeJson& members = object();
  const auto found = members.find(key);
  if (found == members.end() || found->is_null()) return std::nullopt;
  return Node(*found, where_ + "." + key);
}

std::vector<Node> Node::items() const {
  std::vector<Node> all;
  size_t index = 0;
  for (const auto& item : array())
    all.emplace_back(item, where_ + "[" + std::to_string(index++) + "]");
  return all;
}

void Node::refuse(const std::string& expected) const {
  std::string shown = value_->dump(-1, ' ', false, TreeJson::error_handler_t::replace);
  constexpr size_t kShown = 60;
  if (shown.size() > kShown) shown = shown.substr(0, kShown) + "...";
  fail_unreadable("{}: {} was expected, but it is {}", where_, expected, shown);
}

std::string Node::text() const {
  if (!value_->is_string()) refuse("a text");
  return value_->get<std::string>();
}

bool Node::boolean() const {
  if (!value_->is_boolean()) refuse("true or false");
  return value_->get<bool>();
}

uint64_t Node::count() const {
  const bool negative =
      value_->is_number_integer() && !value_->is_number_unsigned() && value_->get<int64_t>() < 0;
  if (!value_->is_number_integer() || negative) refuse("a whole number, not negative");
  return value_->get<uint64_t>();
}

double Node::number() const {
  if (!value_->is_number()) refuse("a number");
  return value_->get<double>();
}

char32_t Node::character() const {
  if (!value_->is_string()) refuse("one character");
  const auto& content = value_->get_ref<const std::string&>();
  if (content.empty() || !is_valid_utf8(content) || count_characters(content) != 1)
    refuse("one character");
  return utf8_at(content, 0).code;
}

uint32_t Node::id() const {
  const uint64_t value = count();
  if (value >= uint64_t{1} << 31) refuse("the id of a token (below 2^31)");
  return static_cast<uint32_t>(value);
}

const TreeJson& Node::object() const {
  if (!value_->is_object()) refuse("an object {...}");
  return *value_;
}

const TreeJson& Node::array() const {
  if (!value_->is_array()) refuse("a list [...]");
  return *value_;
}

bool Node::boolean(const std::string& key, bool fallback) const {
  const auto found = find(key);
  return found ? found->boolean() : fallback;
}

std::string Node::text(const std::string& key, const std::string& fallback) const {
  return optional_text(key).value_or(fallback);
}

std::optional<std::string> Node::optional_text(const std::string& key) const {
  const auto found = find(key);
  if (!found) return std::nullopt;
  return found->text();
}

}  // namespace graft::texts
