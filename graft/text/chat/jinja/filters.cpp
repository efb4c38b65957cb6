#include "graft/text/chat/jinja/filters.h"

#include "graft/text/chat/jinja/failure.h"

namespace graft::texts::jinja {

const Operation* find_filter(std::string_view name) {
  for (const auto find :
       {find_text_filter, find_list_filter, find_choice_filter, find_value_filter}) {
    if (const Operation* filter = find(name)) return filter;
  }
  return nullptr;
}

Value apply_filter(Runtime& runtime, std::string_view name, const Value& input,
                   const Arguments& arguments) {
  const Operation* filter = find_filter(name);
  if (filter == nullptr) fail_here("the filter '{}' is not supported", name);
  runtime.spend(1);
  const Deeper deeper(runtime);  // map can call map
  return filter->apply(runtime, input, Given(filter->name, filter->parameters, arguments));
}

}  // namespace graft::texts::jinja
