#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graft/text/chat/jinja/runtime.h"

namespace graft::texts::jinja {

/// What a call hands over.
class Arguments {
 public:
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  /// Without the first positional one.
  Arguments rest() const;
};

/// Arguments sorted to the parameters of a table entry, "old new count? …": `?` marks what may be
/// missing, `...` at the end lets anything else through. A Failure when they do not fit.
class Given {
 public:
  Given(std::string_view what, std::string_view parameters, const Arguments& arguments);

  bool has(size_t index) const { return index < values_.size() && values_[index] != nullptr; }
  /// Must be there.
  const Value& at(size_t index) const { return *values_[index]; }
  int64_t integer(size_t index, int64_t fallback) const;
  bool boolean(size_t index, bool fallback) const;
  /// str() of it.
  Text text(Runtime& runtime, size_t index, std::string_view fallback) const;
  /// It is there and not none.
  bool set(size_t index) const { return has(index) && !at(index).is_none(); }
  const Arguments& all() const { return arguments_; }

 private:
  std::string_view what_;
  const Arguments& arguments_;
  std::vector<const Value*> values_;
};

/// A line of the tables of filters, tests and methods: what is done to a value.
struct Operation {
  std::string_view name;
  std::string_view parameters;  ///< as Given has it
  Value (*apply)(Runtime& runtime, const Value& input, const Given& given);
};

/// The entry called `name`, or null.
template <typename Table>
const Operation* find_operation(const Table& table, std::string_view name) {
  for (const Operation& operation : table) {
    if (operation.name == name) return &operation;
  }
  return nullptr;
}

}  // namespace graft::texts::jinja
