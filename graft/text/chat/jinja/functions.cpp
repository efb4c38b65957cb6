#include "graft/text/chat/jinja/functions.h"

#include "graft/text/chat/jinja/access.h"
#include "graft/text/chat/jinja/arguments.h"
#include "graft/text/chat/jinja/callable.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/print.h"

namespace graft::texts::jinja {
namespace {

constexpr int64_t kMaxRange = 100'000;  // of the sandbox

Value range(Runtime& runtime, const Arguments& arguments) {
  const Given given("range", "start stop? step?", arguments);
  const bool one = !given.has(1);
  const int64_t start = one ? 0 : given.integer(0, 0);
  const int64_t stop = one ? given.integer(0, 0) : given.integer(1, 0);
  const int64_t step = given.integer(2, 1);
  if (step == 0) fail_here("range: the step cannot be 0");
  std::vector<Value> items;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (static_cast<int64_t>(items.size()) >= kMaxRange)
      fail_here("range: more than {} numbers", kMaxRange);
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  runtime.spend(items.size() * sizeof(Value));
  return make_sequence(std::move(items), Sequence::Kind::range);
}

/// dict(mapping or pairs, name=value …)
Dict collected(Runtime& runtime, const Arguments& arguments, std::string_view what) {
  if (arguments.positional.size() > 1) fail_here("{} takes one dictionary", what);
  Dict result;
  const auto put = [&](const Value& key, const Value& value) {
    runtime.spend(result.entries.size());
    result.set(key, value);
  };
  for (const Value& given : arguments.positional) {
    if (const Dict* dict = given.as_dict()) {
      result = *dict;
      runtime.spend(dict->entries.size() * 2);
      continue;
    }
    for (const Value& pair : items_of(runtime, given)) {
      const std::vector<Value> two = items_of(runtime, pair);
      if (two.size() != 2) fail_here("{} wants pairs of key and value", what);
      put(two[0], two[1]);
    }
  }
  for (const auto& [name, value] : arguments.named) put(Value::text(name), value);
  return result;
}

Value dict(Runtime& runtime, const Arguments& arguments) {
  return make_dict(collected(runtime, arguments, "dict"));
}

Value namespace_of(Runtime& runtime, const Arguments& arguments) {
  Dict attributes = collected(runtime, arguments, "namespace");
  for (const auto& [name, value] : attributes.entries) {
    if (name.is_text() && name.as_text()->str().starts_with('_'))
      fail_here("an attribute of a namespace cannot begin with an underscore: '{}'",
                name.as_text()->str());
  }
  return runtime.new_namespace(std::move(attributes));
}

Value raise_exception(Runtime& runtime, const Arguments& arguments) {
  const Given given("raise_exception", "message", arguments);
  throw Refusal{given.text(runtime, 0, "").str()};
}

Value strftime_now(Runtime& runtime, const Arguments& arguments) {
  const Given given("strftime_now", "format", arguments);
  return Text(runtime.format_time(given.text(runtime, 0, "").str()));
}

struct Function {
  std::string_view name;
  Value (*call)(Runtime& runtime, const Arguments& arguments);
};

// One line adds a function.
constexpr Function kFunctions[] = {
    {"range", range},
    {"dict", dict},
    {"namespace", namespace_of},
    {"raise_exception", raise_exception},
    {"strftime_now", strftime_now},
};

}  // namespace

Value find_function(std::string_view name) {
  for (const Function& function : kFunctions) {
    if (function.name == name) return make_callable(std::string(name), function.call);
  }
  return {};
}

}  // namespace graft::texts::jinja
