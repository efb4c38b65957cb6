#include "graft/text/chat/jinja/access.h"

#include <fmt/format.h>

#include <algorithm>

#include "graft/text/chat/jinja/callable.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/loop_attributes.h"
#include "graft/text/chat/jinja/methods.h"
#include "graft/text/chat/jinja/unicode.h"

namespace graft::texts::jinja {
namespace {

Value missing(const Value& object, std::string_view name) {
  return Value::undefined(
      fmt::format("'{} object' has no attribute '{}'", object.type_name(), name));
}

Value character(const Text& text, int64_t index) {
  const auto length = static_cast<int64_t>(count_characters(text.str()));
  if (index < 0) index += length;
  if (index < 0 || index >= length) return Value::undefined("the text has no such character");
  const size_t begin = byte_of_character(text.str(), static_cast<size_t>(index));
  return text.slice(begin, begin + decode(text.str(), begin).bytes);
}

}  // namespace

void fail_undefined(const Value& value) {
  const auto& undefined = std::get<Undefined>(value.data());
  fail_here("{}", undefined.what ? *undefined.what : "a value is undefined");
}

Value get_attribute(Runtime& runtime, const Value& object, const std::string& name) {
  runtime.spend(1);
  if (object.is_undefined()) fail_undefined(object);
  if (const Namespace* names = object.as_namespace()) {
    const Value* value = names->attributes.find(name);
    return value != nullptr ? *value : missing(object, name);
  }
  if (object.as_loop() != nullptr) return loop_attribute(object, name);
  if (auto method = find_method(object, name)) return std::move(*method);
  if (const Dict* dict = object.as_dict()) {
    runtime.spend(dict->entries.size());
    if (const Value* value = dict->find(name)) return *value;
  }
  return missing(object, name);
}

Value get_item(Runtime& runtime, const Value& object, const Value& key) {
  runtime.spend(1);
  if (object.is_undefined()) fail_undefined(object);
  if (const Dict* dict = object.as_dict()) {
    runtime.spend(dict->entries.size());
    if (const Value* value = dict->find(key)) return *value;
  }
  int64_t index = 0;
  if (key.is_whole(&index)) {
    if (const Text* text = object.as_text()) {
      runtime.spend(text->size());
      return character(*text, index);
    }
    const Sequence* list = object.as_sequence();
    if (list != nullptr && list->kind != Sequence::Kind::generator &&
        list->kind != Sequence::Kind::view) {
      const auto length = static_cast<int64_t>(list->items.size());
      if (index < 0) index += length;
      if (index >= 0 && index < length) return list->items[static_cast<size_t>(index)];
    }
    return Value::undefined(fmt::format("{} object has no element {}", object.type_name(), index));
  }
  if (const Text* name = key.as_text()) {
    if (object.as_namespace() != nullptr || object.as_loop() != nullptr)
      return get_attribute(runtime, object, name->str());
    if (auto method = find_method(object, name->str())) return std::move(*method);
    return missing(object, name->str());
  }
  return Value::undefined(fmt::format("{} object has no such element", object.type_name()));
}

namespace {

struct Range {
  int64_t start, stop, step;
};

/// Python's slice.indices.
Range resolve(const Value& start, const Value& stop, const Value& step, int64_t length) {
  const auto whole = [](const Value& value, int64_t fallback) {
    int64_t number = fallback;
    if (!value.is_none() && !value.is_whole(&number))
      fail_here("the bounds of a slice are integers, not {}", value.type_name());
    return number;
  };
  Range range{0, 0, whole(step, 1)};
  if (range.step == 0) fail_here("the step of a slice cannot be 0");
  const int64_t low = range.step < 0 ? -1 : 0;
  const int64_t high = range.step < 0 ? length - 1 : length;
  const auto bound = [&](const Value& value, int64_t fallback) {
    if (value.is_none()) return fallback;
    int64_t number = whole(value, 0);
    if (number < 0) number = number < -length ? low : number + length;
    return std::clamp(number, low, std::max(low, high));
  };
  range.start = bound(start, range.step < 0 ? high : low);
  range.stop = bound(stop, range.step < 0 ? low : high);
  range.step = std::clamp<int64_t>(range.step, -length - 1, length + 1);
  return range;
}

Text slice_text(const Text& text, const Range& range, int64_t length) {
  if (range.step == 1) {
    const auto start = static_cast<size_t>(range.start);
    const auto stop = static_cast<size_t>(std::max(range.start, range.stop));
    const bool ascii = static_cast<size_t>(length) == text.size();
    return text.slice(ascii ? start : byte_of_character(text.str(), start),
                      ascii ? stop : byte_of_character(text.str(), stop));
  }
  std::vector<size_t> starts;
  for (size_t at = 0; at < text.size(); at += decode(text.str(), at).bytes) starts.push_back(at);
  starts.push_back(text.size());
  Text part;
  for (int64_t i = range.start; range.step > 0 ? i < range.stop : i > range.stop; i += range.step)
    part.append(text, starts[static_cast<size_t>(i)], starts[static_cast<size_t>(i) + 1]);
  return part;
}

}  // namespace

Value get_slice(Runtime& runtime, const Value& object, const Value& start, const Value& stop,
                const Value& step) {
  if (object.is_undefined()) fail_undefined(object);
  if (const Text* text = object.as_text()) {
    runtime.spend_text(text->size());
    const auto length = static_cast<int64_t>(count_characters(text->str()));
    return slice_text(*text, resolve(start, stop, step, length), length);
  }
  const Sequence* list = object.as_sequence();
  if (list == nullptr || list->kind == Sequence::Kind::generator ||
      list->kind == Sequence::Kind::view)
    fail_here("a value of type {} has no parts", object.type_name());
  const Range range = resolve(start, stop, step, static_cast<int64_t>(list->items.size()));
  std::vector<Value> items;
  for (int64_t i = range.start; range.step > 0 ? i < range.stop : i > range.stop; i += range.step)
    items.push_back(list->items[static_cast<size_t>(i)]);
  runtime.spend(items.size() * sizeof(Value));
  return make_sequence(std::move(items), list->kind, object.origin);
}

Value get_path(Runtime& runtime, Value object, const Value& path, const Value* fallback) {
  const Text* text = path.as_text();
  if (text == nullptr) {
    object = get_item(runtime, object, path);
    return object.is_undefined() && fallback != nullptr ? *fallback : object;
  }
  const std::string& names = text->str();
  for (size_t at = 0; at <= names.size();) {
    const size_t end = std::min(names.find('.', at), names.size());
    const std::string part = names.substr(at, end - at);
    const bool digits =
        !part.empty() && part.size() < 18 &&
        std::all_of(part.begin(), part.end(), [](unsigned char c) { return is_digit(c); });
    object = get_item(runtime, object,
                      digits ? Value(static_cast<int64_t>(std::stoll(part))) : Value::text(part));
    if (object.is_undefined() && fallback != nullptr) object = *fallback;
    at = end + 1;
  }
  return object;
}

std::vector<Value> items_of(Runtime& runtime, const Value& value) {
  if (value.is_undefined()) return {};
  if (const Sequence* list = value.as_sequence()) {
    runtime.spend(list->items.size() * sizeof(Value));
    if (list->kind == Sequence::Kind::generator && std::exchange(list->used, true)) return {};
    return list->items;
  }
  std::vector<Value> items;
  if (const Dict* dict = value.as_dict()) {
    runtime.spend(dict->entries.size());
    for (const auto& [key, item] : dict->entries) items.push_back(key);
    return items;
  }
  if (const Text* text = value.as_text()) {
    runtime.spend(text->size() * sizeof(Value));
    for (size_t at = 0; at < text->size();) {
      const size_t end = at + decode(text->str(), at).bytes;
      Text character;  // plain, even of a text that is marked as safe
      character.append(*text, at, end);
      items.emplace_back(std::move(character));
      at = end;
    }
    return items;
  }
  fail_here("a value of type {} cannot be gone through", value.type_name());
}

int64_t length_of(const Value& value) {
  if (value.is_undefined()) return 0;
  if (const Text* text = value.as_text())
    return static_cast<int64_t>(count_characters(text->str()));
  if (const Dict* dict = value.as_dict()) return static_cast<int64_t>(dict->entries.size());
  const Sequence* list = value.as_sequence();
  if (list != nullptr && list->kind != Sequence::Kind::generator)
    return static_cast<int64_t>(list->items.size());
  fail_here("a value of type {} has no length", value.type_name());
}

bool contains(Runtime& runtime, const Value& container, const Value& item) {
  if (const Text* text = container.as_text()) {
    const Text* part = item.as_text();
    if (part == nullptr) fail_here("'in' looks for text in text, not for {}", item.type_name());
    runtime.spend(text->size());
    return text->str().find(part->str()) != std::string::npos;
  }
  if (const Dict* dict = container.as_dict()) {
    runtime.spend(dict->entries.size());
    return dict->find(item) != nullptr;
  }
  const std::vector<Value> items = items_of(runtime, container);
  return std::any_of(items.begin(), items.end(),
                     [&item](const Value& value) { return equal(value, item); });
}

Value call(Runtime& runtime, const Value& callee, const Arguments& arguments) {
  if (callee.is_undefined()) fail_undefined(callee);
  const Callable* callable = callee.as_callable();
  if (callable == nullptr) fail_here("a value of type {} cannot be called", callee.type_name());
  const Deeper deeper(runtime);
  return callable->call(runtime, arguments);
}

}  // namespace graft::texts::jinja
