#include "graft/text/chat/jinja/runtime.h"

#include <algorithm>

#include "graft/text/chat/jinja/failure.h"

namespace graft::texts::jinja {

uint16_t Fields::number(const std::string& name) {
  const auto found = std::find(names_.begin() + 1, names_.end(), name);
  if (found != names_.end()) return static_cast<uint16_t>(found - names_.begin());
  // Messages come from data files: their keys must not make the table grow without end.
  if (names_.size() >= 1000) return number("other");
  names_.push_back(name);
  return static_cast<uint16_t>(names_.size() - 1);
}

void Runtime::spend_text(size_t bytes) {
  if (bytes > limits_.output_bytes)
    fail_here("it makes a text of more than {} bytes", limits_.output_bytes);
  spend(bytes);
}

Value Runtime::new_namespace(Dict attributes) {
  spend(100);
  namespaces_.push_back(std::make_unique<Namespace>(Namespace{std::move(attributes)}));
  return Value(Value::Data(namespaces_.back().get()));
}

std::string Runtime::format_time(std::string_view format) const {
  if (!now) fail_here("strftime_now needs a date, and none was given");
  return now(format);
}

void Runtime::too_much_work() const {
  fail_here("it does more than {} steps for one conversation; a loop may not come to an end",
            limits_.work);
}

Deeper::Deeper(Runtime& runtime) : runtime_(runtime) {
  if (runtime.depth >= runtime.limits().depth)
    fail_here("it goes more than {} levels deep; a macro may call itself without end",
              runtime.limits().depth);
  ++runtime.depth;
}

}  // namespace graft::texts::jinja
