#include "graft/text/chat/jinja/text_methods.h"

#include <algorithm>

#include "graft/text/chat/jinja/access.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/text_operations.h"
#include "graft/text/chat/jinja/unicode.h"

namespace graft::texts::jinja {
namespace {

const Text& self_of(const Value& value) {
  return *value.as_text();
}

const std::string& string_at(const Given& given, size_t index) {
  const Text* text = given.at(index).as_text();
  if (text == nullptr) fail_here("a text was expected, not {}", given.at(index).type_name());
  return text->str();
}

std::optional<std::string> optional_string(const Given& given, size_t index) {
  if (!given.set(index)) return std::nullopt;
  return string_at(given, index);
}

template <bool left, bool right>
Value strip_method(Runtime& runtime, const Value& self, const Given& given) {
  runtime.spend(self_of(self).size());
  return strip(self_of(self), optional_string(given, 0), left, right);
}

template <bool from_right>
Value split_method(Runtime& runtime, const Value& self, const Given& given) {
  std::vector<Value> parts;
  for (Text& part :
       split(runtime, self_of(self), optional_string(given, 0), given.integer(1, -1), from_right))
    parts.emplace_back(std::move(part));
  return make_sequence(std::move(parts));
}

template <bool at_start>
Value affix_method(Runtime& runtime, const Value& self, const Given& given) {
  const std::string& text = self_of(self).str();
  runtime.spend(1);
  const auto fits = [&text](const std::string& affix) {
    if (affix.size() > text.size()) return false;
    return text.compare(at_start ? 0 : text.size() - affix.size(), affix.size(), affix) == 0;
  };
  const Sequence* choices = given.at(0).as_sequence();
  if (choices == nullptr || choices->kind != Sequence::Kind::tuple)
    return fits(string_at(given, 0));
  return std::any_of(choices->items.begin(), choices->items.end(), [&fits](const Value& choice) {
    return choice.is_text() && fits(choice.as_text()->str());
  });
}

template <bool from_right, bool must>
Value find_part(Runtime& runtime, const Value& self, const Given& given) {
  const std::string& text = self_of(self).str();
  runtime.spend(text.size());
  const size_t found =
      from_right ? text.rfind(string_at(given, 0)) : text.find(string_at(given, 0));
  if (found == std::string::npos && must) fail_here("index: the text does not hold it");
  return found == std::string::npos
             ? int64_t{-1}
             : static_cast<int64_t>(count_characters(std::string_view(text).substr(0, found)));
}

template <bool from_right>
Value partition(Runtime& runtime, const Value& self, const Given& given) {
  const Text& text = self_of(self);
  const std::string& separator = string_at(given, 0);
  if (separator.empty()) fail_here("partition: the separator is empty");
  runtime.spend(text.size());
  const size_t found = from_right ? text.str().rfind(separator) : text.str().find(separator);
  std::vector<Value> parts;
  if (found == std::string::npos) {
    parts = {text, Text(), Text()};
    if (from_right) std::reverse(parts.begin(), parts.end());
  } else {
    parts = {text.slice(0, found), text.slice(found, found + separator.size()),
             text.slice(found + separator.size(), text.size())};
  }
  return make_sequence(std::move(parts), Sequence::Kind::tuple);
}

template <bool (*holds)(char32_t)>
Value all_characters(Runtime& runtime, const Value& self, const Given&) {
  const std::string& text = self_of(self).str();
  runtime.spend(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text, at);
    if (!holds(point.value)) return false;
    at += point.bytes;
  }
  return !text.empty();
}

bool is_letter_or_digit(char32_t c) {
  return is_letter(c) || is_digit(c);
}

template <Text (*mapped)(const Text&)>
Value map_case(Runtime& runtime, const Value& self, const Given&) {
  runtime.spend_text(self_of(self).size() * 3);
  return mapped(self_of(self));
}

template <bool is_upper>
Value case_test(Runtime& runtime, const Value& self, const Given&) {
  const Text& text = self_of(self);
  runtime.spend(text.size() * 4);
  const bool cased = upper(text).str() != lower(text).str();
  return cased && text.str() == (is_upper ? upper(text) : lower(text)).str();
}

// One line adds a method.
constexpr Operation kTextMethods[] = {
    {"strip", "chars?", strip_method<true, true>},
    {"lstrip", "chars?", strip_method<true, false>},
    {"rstrip", "chars?", strip_method<false, true>},
    {"split", "sep? maxsplit?", split_method<false>},
    {"rsplit", "sep? maxsplit?", split_method<true>},
    {"startswith", "prefix", affix_method<true>},
    {"endswith", "suffix", affix_method<false>},
    {"find", "sub", find_part<false, false>},
    {"rfind", "sub", find_part<true, false>},
    {"index", "sub", find_part<false, true>},
    {"partition", "sep", partition<false>},
    {"rpartition", "sep", partition<true>},
    {"upper", "", map_case<upper>},
    {"lower", "", map_case<lower>},
    {"title", "", map_case<title>},
    {"capitalize", "", map_case<capitalize>},
    {"isspace", "", all_characters<is_space>},
    {"isdigit", "", all_characters<is_digit>},
    {"isalpha", "", all_characters<is_letter>},
    {"isalnum", "", all_characters<is_letter_or_digit>},
    {"isupper", "", case_test<true>},
    {"islower", "", case_test<false>},
    {"replace", "old new count?",
     [](Runtime& runtime, const Value& self, const Given& given) -> Value {
       string_at(given, 1);
       return replace(runtime, self_of(self), string_at(given, 0), *given.at(1).as_text(),
                      given.integer(2, -1));
     }},
    {"count", "sub",
     [](Runtime& runtime, const Value& self, const Given& given) -> Value {
       const std::string& part = string_at(given, 0);
       const Text& text = self_of(self);
       if (part.empty()) return static_cast<int64_t>(count_characters(text.str()) + 1);
       return static_cast<int64_t>(split(runtime, text, part, -1).size() - 1);
     }},
    {"join", "iterable",
     [](Runtime& runtime, const Value& self, const Given& given) -> Value {
       std::vector<Text> parts;
       for (const Value& part : items_of(runtime, given.at(0))) {
         if (!part.is_text()) fail_here("join: a text was expected, not {}", part.type_name());
         parts.push_back(*part.as_text());
       }
       return join(runtime, self_of(self), parts);
     }},
    {"splitlines", "keepends?",
     [](Runtime& runtime, const Value& self, const Given& given) -> Value {
       std::vector<Value> lines;
       for (Text& line : split_lines(runtime, self_of(self), given.boolean(0, false)))
         lines.emplace_back(std::move(line));
       return make_sequence(std::move(lines));
     }},
    {"removeprefix", "prefix",
     [](Runtime& runtime, const Value& self, const Given& given) -> Value {
       if (!affix_method<true>(runtime, self, given).truthy()) return self;
       return self_of(self).slice(string_at(given, 0).size(), self_of(self).size());
     }},
    {"removesuffix", "suffix",
     [](Runtime& runtime, const Value& self, const Given& given) -> Value {
       if (!affix_method<false>(runtime, self, given).truthy()) return self;
       return self_of(self).slice(0, self_of(self).size() - string_at(given, 0).size());
     }},
    {"format", "...",
     [](Runtime& runtime, const Value& self, const Given& given) -> Value {
       return format_braces(runtime, self_of(self), given.all().positional, given.all().named);
     }},
};

}  // namespace

const Operation* find_text_method(std::string_view name) {
  return find_operation(kTextMethods, name);
}

}  // namespace graft::texts::jinja
