#include <algorithm>
#include <list>

#include "graft/text/chat/jinja/access.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/filters.h"
#include "graft/text/chat/jinja/operators.h"
#include "graft/text/chat/jinja/text_operations.h"

namespace graft::texts::jinja {
namespace {

Value folded(const Value& value, bool case_sensitive) {
  return case_sensitive || !value.is_text() ? value : Value(lower(*value.as_text()));
}

/// What an item is ordered by: itself, or the values of "a,b.c".
Value sort_key(Runtime& runtime, const Value& item, const Given& given, size_t attribute,
               bool case_sensitive) {
  if (!given.set(attribute)) return folded(item, case_sensitive);
  if (!given.at(attribute).is_text())
    return folded(get_path(runtime, item, given.at(attribute)), case_sensitive);
  std::vector<Value> keys;
  for (const Text& path : split(runtime, *given.at(attribute).as_text(), ",", -1))
    keys.push_back(folded(get_path(runtime, item, path), case_sensitive));
  return make_sequence(std::move(keys));
}

using Keyed = std::pair<Value, Value>;  // key, item

std::vector<Value> sorted(Runtime& runtime, const std::vector<Keyed>& items, bool reverse) {
  // A list: its sort is stable and bears comparisons that contradict each other (nan).
  std::list<const Keyed*> ordered;
  for (const Keyed& item : items) ordered.push_back(&item);
  ordered.sort([&](const Keyed* a, const Keyed* b) {
    runtime.spend(1);
    const int sign = order(a->first, b->first, "<");
    return reverse ? sign > 0 : sign < 0;
  });
  std::vector<Value> result;
  for (const Keyed* item : ordered) result.push_back(item->second);
  return result;
}

Value sort(Runtime& runtime, const Value& input, const Given& given) {
  std::vector<Keyed> items;
  for (const Value& item : items_of(runtime, input))
    items.emplace_back(sort_key(runtime, item, given, 2, given.boolean(1, false)), item);
  return make_sequence(sorted(runtime, items, given.boolean(0, false)));
}

Value dict_sort(Runtime& runtime, const Value& input, const Given& given) {
  if (input.as_dict() == nullptr)
    fail_here("dictsort: a dictionary was expected, not {}", input.type_name());
  const std::string by = given.text(runtime, 1, "key").str();
  if (by != "key" && by != "value") fail_here("dictsort sorts by \"key\" or \"value\"");
  std::vector<Keyed> items;
  for (const auto& [key, value] : input.as_dict()->entries)
    items.emplace_back(folded(by == "key" ? key : value, given.boolean(0, false)),
                       make_sequence({key, value}, Sequence::Kind::tuple, value.origin));
  return make_sequence(sorted(runtime, items, given.boolean(2, false)));
}

Value unique(Runtime& runtime, const Value& input, const Given& given) {
  std::vector<Value> seen, result;
  for (const Value& item : items_of(runtime, input)) {
    Value key = given.set(1) ? get_path(runtime, item, given.at(1)) : item;
    key = folded(key, given.boolean(0, false));
    runtime.spend(seen.size());
    if (std::any_of(seen.begin(), seen.end(), [&](const Value& old) { return equal(old, key); }))
      continue;
    seen.push_back(std::move(key));
    result.push_back(item);
  }
  return make_sequence(std::move(result), Sequence::Kind::generator);
}

template <bool largest>
Value extreme(Runtime& runtime, const Value& input, const Given& given) {
  const std::vector<Value> items = items_of(runtime, input);
  if (items.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  const auto key = [&](const Value& item) {
    return folded(given.set(1) ? get_path(runtime, item, given.at(1)) : item,
                  given.boolean(0, false));
  };
  size_t best = 0;
  for (size_t i = 1; i < items.size(); ++i) {
    const int sign = order(key(items[i]), key(items[best]), largest ? ">" : "<");
    if (largest ? sign > 0 : sign < 0) best = i;
  }
  return items[best];
}

Value sum(Runtime& runtime, const Value& input, const Given& given) {
  Value total = given.has(1) ? given.at(1) : Value(int64_t{0});
  for (const Value& item : items_of(runtime, input))
    total = binary(runtime, "+", total, given.set(0) ? get_path(runtime, item, given.at(0)) : item);
  return total;
}

Value first(Runtime& runtime, const Value& input, const Given&) {
  const std::vector<Value> items = items_of(runtime, input);
  return items.empty() ? Value::undefined("No first item, sequence was empty.") : items.front();
}

Value last(Runtime& runtime, const Value& input, const Given&) {
  const Sequence* list = input.as_sequence();
  if (list != nullptr && list->kind == Sequence::Kind::generator)
    fail_here("last: make a list of it first");
  const std::vector<Value> items = items_of(runtime, input);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value reverse(Runtime& runtime, const Value& input, const Given&) {
  std::vector<Value> items = items_of(runtime, input);
  std::reverse(items.begin(), items.end());
  if (!input.is_text())
    return make_sequence(std::move(items), Sequence::Kind::generator, input.origin);
  Text out;
  for (const Value& item : items) out.append(*item.as_text());
  return out;
}

Value batch(Runtime& runtime, const Value& input, const Given& given) {
  const int64_t size = given.integer(0, 0);
  if (size < 1) fail_here("batch: the size must be at least 1");
  std::vector<Value> rows, row;
  const auto flush = [&] { rows.push_back(make_sequence(std::exchange(row, {}))); };
  for (const Value& item : items_of(runtime, input)) {
    if (static_cast<int64_t>(row.size()) == size) flush();
    row.push_back(item);
  }
  if (!row.empty()) {
    while (given.set(1) && static_cast<int64_t>(row.size()) < size) {
      runtime.spend(1);
      row.push_back(given.at(1));
    }
    flush();
  }
  return make_sequence(std::move(rows), Sequence::Kind::generator);
}

Value group_by(Runtime& runtime, const Value& input, const Given& given) {
  std::vector<Keyed> keyed;
  for (const Value& item : items_of(runtime, input)) {
    Value key = get_path(runtime, item, given.at(0));
    if (key.is_undefined() && given.set(1)) key = given.at(1);
    keyed.emplace_back(key, make_sequence({key, item}));
  }
  for (auto& [key, item] : keyed) key = folded(key, given.boolean(2, false));
  std::vector<Value> groups, group;
  std::optional<Value> current, shown;
  const auto flush = [&] {
    if (current)
      groups.push_back(
          make_sequence({*shown, make_sequence(std::exchange(group, {}))}, Sequence::Kind::tuple));
  };
  for (const Value& pair : sorted(runtime, keyed, false)) {
    const auto& items = pair.as_sequence()->items;
    const Value key = folded(items[0], given.boolean(2, false));
    if (!current || !equal(*current, key)) {
      flush();
      current = key;
      shown = items[0];
    }
    group.push_back(items[1]);
  }
  flush();
  return make_sequence(std::move(groups));
}

Value items_filter(Runtime& runtime, const Value& input, const Given&) {
  if (input.is_undefined()) return make_sequence({}, Sequence::Kind::generator);
  const Dict* dict = input.as_dict();
  if (dict == nullptr) fail_here("items: a dictionary was expected, not {}", input.type_name());
  std::vector<Value> pairs;
  pairs.reserve(dict->entries.size());
  runtime.spend(dict->entries.size() * 2);
  for (const auto& [key, value] : dict->entries)
    pairs.push_back(make_sequence({key, value}, Sequence::Kind::tuple, value.origin));
  return make_sequence(std::move(pairs), Sequence::Kind::generator, input.origin);
}

Value list(Runtime& runtime, const Value& input, const Given&) {
  return make_sequence(items_of(runtime, input), Sequence::Kind::list, input.origin);
}

Value length(Runtime& runtime, const Value& input, const Given&) {
  if (input.is_text()) runtime.spend(input.as_text()->size());
  return length_of(input);
}

// One line adds a filter.
constexpr Operation kFilters[] = {
    {"length", "", length},
    {"count", "", length},
    {"first", "", first},
    {"last", "", last},
    {"list", "", list},
    {"items", "", items_filter},
    {"reverse", "", reverse},
    {"sort", "reverse? case_sensitive? attribute?", sort},
    {"dictsort", "case_sensitive? by? reverse?", dict_sort},
    {"unique", "case_sensitive? attribute?", unique},
    {"min", "case_sensitive? attribute?", extreme<false>},
    {"max", "case_sensitive? attribute?", extreme<true>},
    {"sum", "attribute? start?", sum},
    {"batch", "linecount fill_with?", batch},
    {"groupby", "attribute default? case_sensitive?", group_by},
};

}  // namespace

const Operation* find_list_filter(std::string_view name) {
  return find_operation(kFilters, name);
}

}  // namespace graft::texts::jinja
