#include <algorithm>

#include "graft/text/chat/jinja/access.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/filters.h"
#include "graft/text/chat/jinja/print.h"
#include "graft/text/chat/jinja/text_operations.h"
#include "graft/text/chat/jinja/unicode.h"

namespace graft::texts::jinja {
namespace {

template <Text (*mapped)(const Text&)>
Value map_text(Runtime& runtime, const Value& input, const Given&) {
  const Text text = to_text(runtime, input);
  runtime.spend_text(text.size() * 3);
  return mapped(text);
}

Value trim(Runtime& runtime, const Value& input, const Given& given) {
  std::optional<std::string> characters;
  if (given.set(0)) characters = given.text(runtime, 0, "").str();
  const Text text = to_text(runtime, input);
  runtime.spend(text.size());
  return strip(text, characters, true, true);
}

Value replace_filter(Runtime& runtime, const Value& input, const Given& given) {
  return replace(runtime, to_text(runtime, input), given.text(runtime, 0, "").str(),
                 given.text(runtime, 1, ""), given.set(2) ? given.integer(2, -1) : -1);
}

Value indent(Runtime& runtime, const Value& input, const Given& given) {
  if (!input.is_text()) fail_here("indent: a text was expected, not {}", input.type_name());
  Text indention;
  if (given.has(0) && given.at(0).is_text()) {
    indention = *given.at(0).as_text();
  } else {
    const int64_t width = std::clamp<int64_t>(given.integer(0, 4), 0, 10000);
    indention = Text(std::string(static_cast<size_t>(width), ' '));
  }
  Text text = *input.as_text();
  text.append("\n", {});
  std::vector<Text> lines = split_lines(runtime, text, false);
  const bool blank = given.boolean(2, false);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0 ? blank || !lines[i].empty() : given.boolean(1, false)) {
      Text line = indention;
      line.append(lines[i]);
      lines[i] = std::move(line);
    }
  }
  return join(runtime, Text("\n"), lines);
}

Value center(Runtime& runtime, const Value& input, const Given& given) {
  const Text text = to_text(runtime, input);
  const int64_t width = std::min<int64_t>(given.integer(0, 80), 10000);
  const auto length = static_cast<int64_t>(count_characters(text.str()));
  if (width <= length) return text;
  const int64_t space = width - length;
  const int64_t left = space / 2 + (space & width & 1);
  Text out(std::string(static_cast<size_t>(left), ' '));
  out.append(text);
  out.append(std::string(static_cast<size_t>(space - left), ' '), {});
  return out;
}

Value truncate(Runtime& runtime, const Value& input, const Given& given) {
  const int64_t length = given.integer(0, 255), leeway = given.integer(3, 5);
  if (!input.is_text()) {  // what is short enough passes, whatever it is
    if (length_of(input) <= length + leeway) return input;
    fail_here("truncate: a text was expected, not {}", input.type_name());
  }
  const Text& text = *input.as_text();
  const Text end = given.text(runtime, 2, "...");
  const auto size = static_cast<int64_t>(count_characters(text.str()));
  const int64_t kept = length - static_cast<int64_t>(count_characters(end.str()));
  if (kept < 0 || leeway < 0) fail_here("truncate: the length is below that of the end mark");
  if (size <= length + leeway) return text;
  Text part = text.slice(0, byte_of_character(text.str(), static_cast<size_t>(kept)));
  if (!given.boolean(1, false)) {
    const size_t blank = part.str().rfind(' ');
    if (blank != std::string::npos) part = part.slice(0, blank);
  }
  part.append(end);
  return part;
}

Value word_count(Runtime& runtime, const Value& input, const Given&) {
  // Words of letters, digits and underscores, as \w+ finds them.
  const Text text = to_text(runtime, input);
  int64_t count = 0;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text.str(), at);
    const bool word = point.value == '_' || is_digit(point.value) || is_letter(point.value);
    if (word && !inside) ++count;
    inside = word;
    at += point.bytes;
  }
  return count;
}

Value mark_safe(Runtime& runtime, const Value& input, const Given&) {
  Text text = to_text(runtime, input);
  text.markup = true;
  return text;
}

Value escape(Runtime& runtime, const Value& input, const Given&) {
  const Text text = to_text(runtime, input);
  if (text.markup) return text;
  runtime.spend_text(text.size() * 5);
  return escape_html(text);
}

Value force_escape(Runtime& runtime, const Value& input, const Given&) {
  const Text text = to_text(runtime, input);
  runtime.spend_text(text.size() * 5);
  return escape_html(text);
}

Value format(Runtime& runtime, const Value& input, const Given& given) {
  return format_percent(runtime, to_text(runtime, input), given.all().positional);
}

Value join_filter(Runtime& runtime, const Value& input, const Given& given) {
  std::vector<Text> parts;
  for (const Value& item : items_of(runtime, input))
    parts.push_back(to_text(runtime, given.set(1) ? get_path(runtime, item, given.at(1)) : item));
  return join(runtime, given.text(runtime, 0, ""), parts);
}

// One line adds a filter.
constexpr Operation kFilters[] = {
    {"trim", "chars?", trim},
    {"upper", "", map_text<upper>},
    {"lower", "", map_text<lower>},
    {"capitalize", "", map_text<capitalize>},
    {"title", "", map_text<title_words>},
    {"replace", "old new count?", replace_filter},
    {"join", "d? attribute?", join_filter},
    {"indent", "width? first? blank?", indent},
    {"center", "width?", center},
    {"truncate", "length? killwords? end? leeway?", truncate},
    {"wordcount", "", word_count},
    {"format", "...", format},
    {"safe", "", mark_safe},
    {"escape", "", escape},
    {"e", "", escape},
    {"forceescape", "", force_escape},
    {"string", "",
     [](Runtime& runtime, const Value& input, const Given&) -> Value {
       return to_text(runtime, input);
     }},
};

}  // namespace

const Operation* find_text_filter(std::string_view name) {
  return find_operation(kFilters, name);
}

}  // namespace graft::texts::jinja
