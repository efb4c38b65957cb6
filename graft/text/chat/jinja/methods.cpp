#include "graft/text/chat/jinja/methods.h"

#include <fmt/format.h>

#include <algorithm>

#include "graft/text/chat/jinja/access.h"
#include "graft/text/chat/jinja/arguments.h"
#include "graft/text/chat/jinja/callable.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/text_methods.h"

namespace graft::texts::jinja {
namespace {

std::vector<Value> pairs(Runtime& runtime, const Dict& dict) {
  runtime.spend(dict.entries.size() * 2);
  std::vector<Value> result;
  result.reserve(dict.entries.size());
  for (const auto& [key, value] : dict.entries)
    result.push_back(make_sequence({key, value}, Sequence::Kind::tuple, value.origin));
  return result;
}

// One line adds a method.
constexpr Operation kDictMethods[] = {
    {"items", "",
     [](Runtime& runtime, const Value& self, const Given&) {
       return make_sequence(pairs(runtime, *self.as_dict()), Sequence::Kind::view, self.origin);
     }},
    {"keys", "",
     [](Runtime& runtime, const Value& self, const Given&) {
       return make_sequence(items_of(runtime, self), Sequence::Kind::view, self.origin);
     }},
    {"values", "",
     [](Runtime& runtime, const Value& self, const Given&) {
       std::vector<Value> values;
       for (const auto& entry : self.as_dict()->entries) values.push_back(entry.second);
       runtime.spend(values.size());
       return make_sequence(std::move(values), Sequence::Kind::view, self.origin);
     }},
    {"get", "key default?",
     [](Runtime& runtime, const Value& self, const Given& given) {
       runtime.spend(self.as_dict()->entries.size());
       if (const Value* value = self.as_dict()->find(given.at(0))) return *value;
       return given.has(1) ? given.at(1) : Value(None{});
     }},
    {"copy", "", [](Runtime&, const Value& self, const Given&) { return self; }},
};

constexpr Operation kListMethods[] = {
    {"index", "value",
     [](Runtime&, const Value& self, const Given& given) {
       const auto& items = self.as_sequence()->items;
       const auto found = std::find_if(items.begin(), items.end(), [&given](const Value& item) {
         return equal(item, given.at(0));
       });
       if (found == items.end()) fail_here("index: the value is not in the list");
       return Value(static_cast<int64_t>(found - items.begin()));
     }},
    {"count", "value",
     [](Runtime&, const Value& self, const Given& given) {
       const auto& items = self.as_sequence()->items;
       return Value(static_cast<int64_t>(
           std::count_if(items.begin(), items.end(),
                         [&given](const Value& item) { return equal(item, given.at(0)); })));
     }},
    {"copy", "", [](Runtime&, const Value& self, const Given&) { return self; }},
};

// The immutable sandbox shows these as undefined values that refuse to be called.
constexpr std::string_view kChangesDict[] = {"clear", "pop", "popitem", "setdefault", "update"};
constexpr std::string_view kChangesList[] = {"append", "clear", "pop",    "reverse",
                                             "insert", "sort",  "extend", "remove"};

Value refused(const Value& object, std::string_view name) {
  return Value::undefined(
      fmt::format("the method '{}' of a {} changes it, which templates may not do; {}", name,
                  object.type_name(), "build a new value instead"));
}

}  // namespace

std::optional<Value> find_method(const Value& object, std::string_view name) {
  const Operation* method = nullptr;
  if (object.is_text()) {
    method = find_text_method(name);
  } else if (object.as_dict() != nullptr) {
    if (std::find(std::begin(kChangesDict), std::end(kChangesDict), name) != std::end(kChangesDict))
      return refused(object, name);
    method = find_operation(kDictMethods, name);
  } else if (const Sequence* list = object.as_sequence()) {
    const bool is_list = list->kind == Sequence::Kind::list;
    if (is_list &&
        std::find(std::begin(kChangesList), std::end(kChangesList), name) != std::end(kChangesList))
      return refused(object, name);
    if (is_list || list->kind == Sequence::Kind::tuple) method = find_operation(kListMethods, name);
  }
  if (method == nullptr) return std::nullopt;
  return make_callable(
      std::string(name),
      [object, method](Runtime& runtime, const Arguments& arguments) {
        return method->apply(runtime, object, Given(method->name, method->parameters, arguments));
      },
      object.depth());
}

}  // namespace graft::texts::jinja
