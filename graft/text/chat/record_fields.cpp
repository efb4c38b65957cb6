#include "graft/text/chat/record_fields.h"

#include "graft/base/error.h"
#include "graft/base/utf8.h"

namespace graft::texts {

bool has(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && !found->is_null();
}

std::string text_field(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) fail_unreadable("the field '{}' is missing; expected a text", key);
  if (!found->is_string()) fail_unreadable("'{}' must be a text, got {}", key, found->type_name());
  return found->get<std::string>();
}

std::string optional_text(const Json& object, const char* key) {
  return has(object, key) ? text_field(object, key) : std::string();
}

std::string shown(const std::string& name) {
  constexpr size_t kBytes = 40;
  std::string text;
  for (const char c : name) {
    if (text.size() >= kBytes && starts_character(c)) return text + "…";
    text += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  }
  return text;
}

}  // namespace graft::texts
