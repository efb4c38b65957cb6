#include <algorithm>

#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/value.h"

namespace graft::texts::jinja {
namespace {

bool equal_sequences(const Sequence& a, const Sequence& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == Sequence::Kind::generator || a.kind == Sequence::Kind::view) return &a == &b;
  return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), equal);
}

bool equal_dicts(const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::all_of(a.entries.begin(), a.entries.end(), [&b](const auto& entry) {
    const Value* other = b.find(entry.first);
    return other != nullptr && equal(entry.second, *other);
  });
}

template <typename T>
int sign_of(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

}  // namespace

bool equal(const Value& a, const Value& b) {
  int64_t whole_a = 0, whole_b = 0;
  if (a.is_whole(&whole_a) && b.is_whole(&whole_b)) return whole_a == whole_b;
  double number_a = 0, number_b = 0;
  if (a.is_number(&number_a) && b.is_number(&number_b)) return number_a == number_b;
  if (a.data().index() != b.data().index()) return false;
  if (a.is_undefined() || a.is_none()) return true;
  if (const Text* text = a.as_text()) return text->str() == b.as_text()->str();
  if (const Sequence* sequence = a.as_sequence())
    return sequence == b.as_sequence() || equal_sequences(*sequence, *b.as_sequence());
  if (const Dict* dict = a.as_dict())
    return dict == b.as_dict() || equal_dicts(*dict, *b.as_dict());
  if (a.as_namespace() != nullptr) return a.as_namespace() == b.as_namespace();
  if (a.as_callable() != nullptr) return a.as_callable() == b.as_callable();
  return a.as_loop() == b.as_loop();
}

int order(const Value& a, const Value& b, std::string_view sign) {
  int64_t whole_a = 0, whole_b = 0;
  if (a.is_whole(&whole_a) && b.is_whole(&whole_b)) return sign_of(whole_a, whole_b);
  double number_a = 0, number_b = 0;
  if (a.is_number(&number_a) && b.is_number(&number_b)) return sign_of(number_a, number_b);
  if (a.is_undefined() || b.is_undefined()) {
    const auto& undefined = std::get<Undefined>(a.is_undefined() ? a.data() : b.data());
    fail_here("{}", undefined.what ? *undefined.what : "a value is undefined");
  }
  // UTF-8 sorts as its characters do.
  if (a.is_text() && b.is_text()) return sign_of(a.as_text()->str(), b.as_text()->str());
  const Sequence* list_a = a.as_sequence();
  const Sequence* list_b = b.as_sequence();
  if (list_a != nullptr && list_b != nullptr && list_a->kind == list_b->kind &&
      (list_a->kind == Sequence::Kind::list || list_a->kind == Sequence::Kind::tuple)) {
    const size_t common = std::min(list_a->items.size(), list_b->items.size());
    for (size_t i = 0; i < common; ++i) {
      if (!equal(list_a->items[i], list_b->items[i]))
        return order(list_a->items[i], list_b->items[i], sign);
    }
    return sign_of(list_a->items.size(), list_b->items.size());
  }
  fail_here("'{}' is not defined between {} and {}", sign, a.type_name(), b.type_name());
}

}  // namespace graft::texts::jinja
