#include "graft/text/chat/jinja/access.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/filters.h"
#include "graft/text/chat/jinja/tests.h"

namespace graft::texts::jinja {
namespace {

const std::string& name_at(const Arguments& arguments, size_t index, std::string_view what) {
  const Text* name =
      index < arguments.positional.size() ? arguments.positional[index].as_text() : nullptr;
  if (name == nullptr) fail_here("{} wants a name in quotes first", what);
  return name->str();
}

Value map(Runtime& runtime, const Value& input, const Given& given) {
  const Arguments& all = given.all();
  std::vector<Value> results;
  if (!input.truthy()) {
    // Nothing to go through, be it an empty list or none: Jinja2 does not look at the arguments.
  } else if (all.positional.empty()) {
    const Given named("map", "attribute default?", all);
    const Value* fallback = named.set(1) ? &named.at(1) : nullptr;
    for (const Value& item : items_of(runtime, input))
      results.push_back(get_path(runtime, item, named.at(0), fallback));
  } else {
    const std::string& name = name_at(all, 0, "map");
    const Arguments rest = all.rest();
    for (const Value& item : items_of(runtime, input))
      results.push_back(apply_filter(runtime, name, item, rest));
  }
  return make_sequence(std::move(results), Sequence::Kind::generator, input.origin);
}

/// select, reject, selectattr, rejectattr: items whose value (or attribute) passes a test.
template <bool keep, bool of_attribute>
Value choose(Runtime& runtime, const Value& input, const Given& given) {
  if (!input.truthy()) return make_sequence({}, Sequence::Kind::generator, input.origin);
  Arguments rest = given.all();
  Value path;
  if (of_attribute) {
    if (rest.positional.empty()) fail_here("selectattr and rejectattr want an attribute");
    path = rest.positional[0];
    rest = rest.rest();
  }
  const bool has_test = !rest.positional.empty();
  const std::string name = has_test ? name_at(rest, 0, "the test of a filter") : "";
  rest = rest.rest();
  std::vector<Value> results;
  for (const Value& item : items_of(runtime, input)) {
    const Value value = of_attribute ? get_path(runtime, item, path) : item;
    const bool passes = has_test ? apply_test(runtime, name, value, rest) : value.truthy();
    if (passes == keep) results.push_back(item);
  }
  return make_sequence(std::move(results), Sequence::Kind::generator, input.origin);
}

// One line adds a filter.
constexpr Operation kFilters[] = {
    {"map", "...", map},
    {"select", "...", choose<true, false>},
    {"reject", "...", choose<false, false>},
    {"selectattr", "...", choose<true, true>},
    {"rejectattr", "...", choose<false, true>},
};

}  // namespace

const Operation* find_choice_filter(std::string_view name) {
  return find_operation(kFilters, name);
}

}  // namespace graft::texts::jinja
