#include "graft/text/chat/jinja/value.h"

#include <algorithm>

#include "graft/text/chat/jinja/callable.h"
#include "graft/text/chat/jinja/failure.h"

namespace graft::texts::jinja {
namespace {

// Printing, comparing and freeing recurse into containers.
constexpr int kMaxDepth = 100;

int checked_depth(int inner) {
  if (inner >= kMaxDepth) fail_here("values lie more than {} deep inside each other", kMaxDepth);
  return inner + 1;
}

template <class... Ts>
struct Cases : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Cases(Ts...) -> Cases<Ts...>;

}  // namespace

Value Value::undefined(std::string what) {
  return Value(Data(Undefined{std::make_shared<const std::string>(std::move(what))}));
}

Namespace* Value::as_namespace() const {
  const auto* pointer = std::get_if<Namespace*>(&data_);
  return pointer == nullptr ? nullptr : *pointer;
}

bool Value::is_whole(int64_t* value) const {
  if (const auto* integer = as_integer()) return *value = *integer, true;
  if (const auto* boolean = std::get_if<bool>(&data_)) return *value = *boolean ? 1 : 0, true;
  return false;
}

bool Value::is_number(double* value) const {
  int64_t whole = 0;
  if (is_whole(&whole)) return *value = static_cast<double>(whole), true;
  if (const auto* number = as_float()) return *value = *number, true;
  return false;
}

std::string Value::type_name() const {
  return std::visit(
      Cases{[](const Undefined&) -> std::string { return "Undefined"; },
            [](const None&) -> std::string { return "NoneType"; },
            [](bool) -> std::string { return "bool"; },
            [](int64_t) -> std::string { return "int"; },
            [](double) -> std::string { return "float"; },
            [](const std::shared_ptr<const Text>&) -> std::string { return "str"; },
            [](const std::shared_ptr<const Sequence>& sequence) -> std::string {
              static constexpr const char* kNames[] = {"list", "tuple", "range", "dict_items",
                                                       "generator"};
              return kNames[static_cast<int>(sequence->kind)];
            },
            [](const std::shared_ptr<const Dict>&) -> std::string { return "dict"; },
            [](Namespace*) -> std::string { return "Namespace"; },
            [](const std::shared_ptr<const Callable>&) -> std::string { return "function"; },
            [](const std::shared_ptr<LoopState>&) -> std::string { return "LoopContext"; }},
      data_);
}

bool Value::truthy() const {
  if (is_undefined() || is_none()) return false;
  if (const auto* boolean = std::get_if<bool>(&data_)) return *boolean;
  if (const auto* integer = as_integer()) return *integer != 0;
  if (const auto* number = as_float()) return *number != 0;
  if (const Text* text = as_text()) return !text->empty();
  if (const Sequence* sequence = as_sequence())
    return sequence->kind == Sequence::Kind::generator || !sequence->items.empty();
  if (const Dict* dict = as_dict()) return !dict->entries.empty();
  return true;
}

int Value::depth() const {
  if (const Sequence* sequence = as_sequence()) return sequence->depth;
  if (const Dict* dict = as_dict()) return dict->depth;
  if (const Callable* callable = as_callable()) return callable->depth;
  if (const LoopState* loop = as_loop()) {
    int depth = loop->items->depth;
    for (const Value& value : loop->last_changed) depth = std::max(depth, value.depth());
    return depth + 1;
  }
  return 0;
}

const Value* Dict::find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    const Text* text = name.as_text();
    if (text != nullptr && text->str() == key) return &value;
  }
  return nullptr;
}

const Value* Dict::find(const Value& key) const {
  if (const Text* text = key.as_text()) return find(text->str());
  for (const auto& [name, value] : entries) {
    if (equal(name, key)) return &value;
  }
  return nullptr;
}

void Dict::set(Value key, Value value) {
  if (const Value* old = find(key)) {
    *const_cast<Value*>(old) = std::move(value);  // ours: this function is not const
  } else {
    entries.emplace_back(std::move(key), std::move(value));
  }
}

Value make_sequence(std::vector<Value> items, Sequence::Kind kind, Origin origin) {
  auto sequence = std::make_shared<Sequence>();
  int inner = 0;
  for (const Value& item : items) inner = std::max(inner, item.depth());
  sequence->kind = kind;
  sequence->items = std::move(items);
  sequence->depth = checked_depth(inner);
  return Value(Value::Data(std::shared_ptr<const Sequence>(std::move(sequence))), origin);
}

Value make_dict(Dict dict, Origin origin) {
  int inner = 0;
  for (const auto& [key, value] : dict.entries)
    inner = std::max({inner, value.depth(), key.depth()});
  dict.depth = checked_depth(inner);
  return Value(Value::Data(std::make_shared<const Dict>(std::move(dict))), origin);
}

Value make_callable(std::string name, std::function<Value(Runtime&, const Arguments&)> call,
                    int depth) {
  auto callable = std::make_shared<Callable>();
  callable->name = std::move(name);
  callable->call = std::move(call);
  callable->depth = checked_depth(depth);
  return Value(Value::Data(std::shared_ptr<const Callable>(std::move(callable))));
}

}  // namespace graft::texts::jinja
