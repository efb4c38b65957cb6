#include "graft/text/chat/template_tokens.h"

#include <algorithm>
#include <string_view>

namespace graft::texts {
namespace {

constexpr std::string_view kWideBar = "\xEF\xBD\x9C";  // U+FF5C, in DeepSeek's tokens
constexpr size_t kLongest = 64;

/// Tags in angle brackets are often plain text (<tools>); bars and "_of_" are in tokens only.
bool is_marker(std::string_view text) {
  const std::string_view inside = text.substr(1, text.size() - 2);
  return (inside.starts_with('|') && inside.ends_with('|') && inside.size() > 2) ||
         (inside.starts_with(kWideBar) && inside.ends_with(kWideBar)) ||
         inside.find("_of_") != std::string_view::npos;
}

}  // namespace

std::vector<std::string> unknown_markers(const Rendered& rendered, const Tokenizer& tokenizer) {
  // Templates join markers out of parts ("<|" ~ role ~ "|>"), so spans are not looked at one by
  // one; what messages say is taken out.
  std::string own;
  for (const SourceSpan& span : rendered.spans) {
    if (span.field == "content")
      own += ' ';
    else
      own += std::string_view(rendered.text).substr(span.begin, span.end - span.begin);
  }
  std::vector<std::string> found;
  for (size_t at = own.find('<'); at != std::string::npos; at = own.find('<', at + 1)) {
    const size_t end = own.find_first_of("> \n", at);
    if (end == std::string::npos || own[end] != '>' || end - at > kLongest) continue;
    const std::string marker = own.substr(at, end + 1 - at);
    if (is_marker(marker) && !tokenizer.token_to_id(marker) &&
        std::ranges::find(found, marker) == found.end())
      found.push_back(marker);
  }
  return found;
}

}  // namespace graft::texts
