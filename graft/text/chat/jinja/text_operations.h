#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "graft/text/chat/jinja/runtime.h"

/// What Python's str can do, on texts that know where they came from.
namespace graft::texts::jinja {

/// Without characters of `characters` (white space when not given) at the ends asked for.
Text strip(const Text& text, const std::optional<std::string>& characters, bool left, bool right);
/// At most `most` replacements; all when negative.
Text replace(Runtime& runtime, const Text& text, const std::string& old, const Text& with,
             int64_t most);
/// At most `most` cuts, from the left or right; by runs of white space when no separator is given.
std::vector<Text> split(Runtime& runtime, const Text& text,
                        const std::optional<std::string>& separator, int64_t most,
                        bool from_right = false);
std::vector<Text> split_lines(Runtime& runtime, const Text& text, bool keep_ends);
Text join(Runtime& runtime, const Text& separator, const std::vector<Text>& parts);

Text upper(const Text& text);
Text lower(const Text& text);
/// The first character upper case, the others lower.
Text capitalize(const Text& text);
/// The first letter after each character that is none: str.title.
Text title(const Text& text);
/// The first character after each blank, dash or opening bracket: the filter `title`.
Text title_words(const Text& text);
/// & < > " ' as HTML entities.
Text escape_html(const Text& text);
/// printf-style `%`; a Failure when `all_used` and a value is not.
Text format_percent(Runtime& runtime, const Text& format, const std::vector<Value>& values,
                    bool all_used = true);
/// str.format with {}, {0} and {name}.
Text format_braces(Runtime& runtime, const Text& format, const std::vector<Value>& values,
                   const std::vector<std::pair<std::string, Value>>& named);

}  // namespace graft::texts::jinja
