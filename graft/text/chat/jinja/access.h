#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graft/text/chat/jinja/runtime.h"

namespace graft::texts::jinja {

class Arguments;

/// `object.name` in the sandbox of Jinja2: a method first, then an item, else undefined.
Value get_attribute(Runtime& runtime, const Value& object, const std::string& name);
/// `object[key]`: an item first, then a method, else undefined.
Value get_item(Runtime& runtime, const Value& object, const Value& key);
/// `object[start:stop:step]`; what is absent is none.
Value get_slice(Runtime& runtime, const Value& object, const Value& start, const Value& stop,
                const Value& step);
/// "a.b.0" in filters such as map: items of items. `fallback` takes the place of undefined ones.
Value get_path(Runtime& runtime, Value object, const Value& path, const Value* fallback = nullptr);

/// What a loop over it goes through: items, keys, characters. A generator is used up by it.
std::vector<Value> items_of(Runtime& runtime, const Value& value);
/// len(value).
int64_t length_of(const Value& value);
/// `item in container`.
bool contains(Runtime& runtime, const Value& container, const Value& item);
/// `callee(arguments)`.
Value call(Runtime& runtime, const Value& callee, const Arguments& arguments);

/// "… is undefined", for a value that is.
[[noreturn]] void fail_undefined(const Value& value);

}  // namespace graft::texts::jinja
