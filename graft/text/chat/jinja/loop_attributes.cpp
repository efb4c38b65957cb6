#include "graft/text/chat/jinja/loop_attributes.h"

#include <algorithm>

#include "graft/text/chat/jinja/arguments.h"
#include "graft/text/chat/jinja/callable.h"
#include "graft/text/chat/jinja/failure.h"

namespace graft::texts::jinja {
namespace {

Value cycle(const Value& loop, const Arguments& arguments) {
  if (arguments.positional.empty()) fail_here("loop.cycle needs something to choose from");
  return arguments.positional[loop.as_loop()->index % arguments.positional.size()];
}

Value changed(const Value& loop, const Arguments& arguments) {
  LoopState& state = *loop.as_loop();
  const bool same = std::equal(state.last_changed.begin(), state.last_changed.end(),
                               arguments.positional.begin(), arguments.positional.end(), equal);
  if (same && !state.last_changed.empty()) return Value(false);
  // Only texts and numbers: anything that could hold `loop` itself would close a circle.
  for (const Value& value : arguments.positional) {
    if (value.depth() > 0) fail_here("loop.changed compares texts, numbers and none only");
  }
  state.last_changed = arguments.positional;
  return Value(true);
}

}  // namespace

Value loop_attribute(const Value& loop, const std::string& name) {
  const LoopState& state = *loop.as_loop();
  const auto index = static_cast<int64_t>(state.index);
  const auto length = static_cast<int64_t>(state.items->items.size());
  if (name == "index") return Value(index + 1);
  if (name == "index0") return Value(index);
  if (name == "revindex") return Value(length - index);
  if (name == "revindex0") return Value(length - index - 1);
  if (name == "first") return Value(index == 0);
  if (name == "last") return Value(index + 1 == length);
  if (name == "length") return Value(length);
  if (name == "depth")
    return Value(int64_t{1});  // only recursive loops, which are not here, go deeper
  if (name == "depth0") return Value(int64_t{0});
  if (name == "previtem")
    return index == 0 ? Value::undefined("there is no previous item")
                      : state.items->items[state.index - 1];
  if (name == "nextitem")
    return index + 1 >= length ? Value::undefined("there is no next item")
                               : state.items->items[state.index + 1];
  if (name == "cycle" || name == "changed") {
    const auto function = name == "cycle" ? cycle : changed;
    return make_callable(
        name,
        [loop, function](Runtime&, const Arguments& arguments) {
          return function(loop, arguments);
        },
        loop.depth());
  }
  return Value::undefined("'loop' has no attribute '" + name + "'");
}

}  // namespace graft::texts::jinja
