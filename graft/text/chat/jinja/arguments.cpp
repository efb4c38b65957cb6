#include "graft/text/chat/jinja/arguments.h"

#include <algorithm>

#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/print.h"

namespace graft::texts::jinja {

Arguments Arguments::rest() const {
  Arguments result = *this;
  if (!result.positional.empty()) result.positional.erase(result.positional.begin());
  return result;
}

Given::Given(std::string_view what, std::string_view parameters, const Arguments& arguments)
    : what_(what), arguments_(arguments) {
  std::vector<std::string_view> names;
  size_t needed = 0;
  bool open = false;
  for (size_t at = 0; at < parameters.size();) {
    const size_t end = std::min(parameters.find(' ', at), parameters.size());
    std::string_view name = parameters.substr(at, end - at);
    at = end + 1;
    if (name == "...") {
      open = true;
    } else if (name.back() == '?') {
      names.push_back(name.substr(0, name.size() - 1));
    } else {
      names.push_back(name);
      needed = names.size();
    }
  }
  values_.resize(names.size(), nullptr);
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    if (i < names.size()) {
      values_[i] = &arguments.positional[i];
    } else if (!open) {
      fail_here("{} takes at most {} arguments, not {}", what, names.size(),
                arguments.positional.size());
    }
  }
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) {
      values_[static_cast<size_t>(found - names.begin())] = &value;
    } else if (!open) {
      fail_here("{} has no argument '{}'", what, name);
    }
  }
  for (size_t i = 0; i < needed; ++i) {
    if (values_[i] == nullptr) fail_here("{} needs the argument '{}'", what, names[i]);
  }
}

int64_t Given::integer(size_t index, int64_t fallback) const {
  if (!has(index)) return fallback;
  int64_t value = 0;
  if (!at(index).is_whole(&value))
    fail_here("{}: an integer was expected, not {}", what_, at(index).type_name());
  return value;
}

bool Given::boolean(size_t index, bool fallback) const {
  return has(index) ? at(index).truthy() : fallback;
}

Text Given::text(Runtime& runtime, size_t index, std::string_view fallback) const {
  return has(index) ? to_text(runtime, at(index)) : Text(fallback);
}

}  // namespace graft::texts::jinja
