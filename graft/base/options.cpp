#include "graft/base/options.h"

#include <algorithm>
#include <numeric>

#include "graft/base/error.h"

namespace graft {
namespace {

Option make(std::string name, Option::Type type, Json fallback, std::string help) {
  Option option;
  option.name = std::move(name);
  option.type = type;
  option.fallback = std::move(fallback);
  option.help = std::move(help);
  return option;
}

const char* type_name(Option::Type type) {
  switch (type) {
    case Option::Type::boolean:
      return "true or false";
    case Option::Type::integer:
      return "a whole number";
    case Option::Type::number:
      return "a number";
    case Option::Type::text:
      return "a text";
    case Option::Type::list:
      return "a list";
    case Option::Type::any:
      return "a value";
  }
  return "a value";
}

bool fits(Option::Type type, const Json& value) {
  switch (type) {
    case Option::Type::boolean:
      return value.is_boolean();
    case Option::Type::integer:
      return value.is_number_integer();
    case Option::Type::number:
      return value.is_number();
    case Option::Type::text:
      return value.is_string();
    case Option::Type::list:
      return value.is_array() || value.is_string();
    case Option::Type::any:
      return true;
  }
  return false;
}

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

Option flag(std::string name, bool fallback, std::string help) {
  return make(std::move(name), Option::Type::boolean, fallback, std::move(help));
}
Option integer(std::string name, Json fallback, std::string help) {
  return make(std::move(name), Option::Type::integer, std::move(fallback), std::move(help));
}
Option number(std::string name, Json fallback, std::string help) {
  return make(std::move(name), Option::Type::number, std::move(fallback), std::move(help));
}
Option text(std::string name, Json fallback, std::string help) {
  return make(std::move(name), Option::Type::text, std::move(fallback), std::move(help));
}
Option list(std::string name, Json fallback, std::string help) {
  return make(std::move(name), Option::Type::list, std::move(fallback), std::move(help));
}
Option any(std::string name, Json fallback, std::string help) {
  return make(std::move(name), Option::Type::any, std::move(fallback), std::move(help));
}

Options::Options(const std::vector<Option>& known, const Json& given, const std::string& where) {
  std::vector<std::string> names;
  names.reserve(known.size());
  for (const auto& option : known) names.push_back(option.name);
  if (!given.is_null() && !given.is_object()) {
    fail_usage("{}: expected a mapping of options, got {}", where, given.dump());
  }
  for (const auto& [key, value] : given.items()) {
    if (std::find(names.begin(), names.end(), key) == names.end()) {
      fail_usage("{} has no option '{}'{}; it knows: {}", where, key, did_you_mean(key, names),
                 names.empty() ? "none" : join(names));
    }
  }
  for (const auto& option : known) {
    const bool set = given.is_object() && given.contains(option.name);
    const Json& value = set ? given.at(option.name) : option.fallback;
    if (set && !(value.is_null() && option.fallback.is_null())) {
      if (!fits(option.type, value)) {
        fail_usage("{}: {} must be {}, got {}", where, option.name, type_name(option.type),
                   value.dump());
      }
      if (value.is_number()) {
        const double number = value.get<double>();
        if ((option.min && !(number >= *option.min)) || (option.max && !(number <= *option.max))) {
          fail_usage("{}: {} must be {}, got {}", where, option.name,
                     option.min && option.max
                         ? fmt::format("between {} and {}", *option.min, *option.max)
                     : option.min ? fmt::format("at least {}", *option.min)
                                  : fmt::format("at most {}", *option.max),
                     value.dump());
        }
      }
      if (value.is_string() && !option.choices.empty()) {
        const auto& word = value.get_ref<const std::string&>();
        if (std::find(option.choices.begin(), option.choices.end(), word) == option.choices.end()) {
          fail_usage("{}: {} cannot be '{}'{}; it is one of: {}", where, option.name, word,
                     did_you_mean(word, option.choices), join(option.choices));
        }
      }
    }
    values_[option.name] = value;
  }
}

const Json& Options::at(const std::string& name) const {
  const auto found = values_.find(name);
  GRAFT_ASSERT(found != values_.end());
  return *found;
}
bool Options::boolean(const std::string& name) const {
  return at(name).get<bool>();
}
int64_t Options::integer(const std::string& name) const {
  return at(name).get<int64_t>();
}
double Options::number(const std::string& name) const {
  return at(name).get<double>();
}
std::string Options::text(const std::string& name) const {
  return at(name).get<std::string>();
}

std::vector<std::string> Options::texts(const std::string& name) const {
  const Json& value = at(name);
  if (value.is_null()) return {};
  if (value.is_string()) return {value.get<std::string>()};
  std::vector<std::string> items;
  for (const auto& item : value) {
    if (!item.is_string()) fail_usage("{} must be a list of texts, got {}", name, value.dump());
    items.push_back(item.get<std::string>());
  }
  return items;
}

std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_distance = word.size() / 2 + 1;
  for (const auto& candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  const std::string found = nearest(word, candidates);
  return found.empty() ? "" : fmt::format(" (did you mean '{}'?)", found);
}

}  // namespace graft
