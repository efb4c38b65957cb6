#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "graft/text/chat/jinja/access.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/print.h"
#include "graft/text/chat/jinja/text_operations.h"
#include "graft/text/chat/jinja/unicode.h"

namespace graft::texts::jinja {
namespace {

struct Directive {
  bool left = false, zero = false;
  int width = 0, precision = -1;
  char what = 's';
};

/// Reads "-05.2f"; `at` ends behind it.
Directive read_directive(const std::string& bytes, size_t& at) {
  const auto number = [&] {
    int value = 0;
    for (; at < bytes.size() && is_digit(static_cast<unsigned char>(bytes[at])); ++at)
      value = std::min(value * 10 + (bytes[at] - '0'), 1000);
    return value;
  };
  Directive directive;
  for (; at < bytes.size() && (bytes[at] == '-' || bytes[at] == '0'); ++at)
    (bytes[at] == '-' ? directive.left : directive.zero) = true;
  directive.width = number();
  if (at < bytes.size() && bytes[at] == '.') {
    ++at;
    directive.precision = number();
  }
  if (at >= bytes.size()) fail_here("a format ends within a % directive");
  directive.what = bytes[at++];
  return directive;
}

Text formatted(Runtime& runtime, const Directive& directive, const Value& value) {
  double number = 0;
  switch (directive.what) {
    case 's':
    case 'r': {
      Text text = directive.what == 's' ? to_text(runtime, value) : to_repr(runtime, value);
      if (directive.precision < 0) return text;
      const auto most = static_cast<size_t>(directive.precision);
      return text.slice(0, byte_of_character(text.str(), most));
    }
    case 'd':
    case 'i':
      if (!value.is_number(&number) || std::abs(number) > 9e15) break;
      return Text(std::to_string(static_cast<int64_t>(number)), value.origin);
    case 'f':
      if (!value.is_number(&number)) break;
      return Text(fmt::format("{:.{}f}", number,
                              directive.precision < 0 ? 6 : std::min(directive.precision, 100)),
                  value.origin);
    default:
      fail_here("the format directive %{} is not supported", directive.what);
  }
  fail_here("the format directive %{} wants a number, not {}", directive.what, value.type_name());
}

Text padded(const Text& text, const Directive& directive) {
  const auto width = static_cast<size_t>(directive.width);
  const size_t length = count_characters(text.str());
  if (length >= width) return text;
  const bool number = directive.what == 'd' || directive.what == 'i' || directive.what == 'f';
  const Text fill(std::string(width - length, directive.zero && number ? '0' : ' '));
  Text out = directive.left ? text : fill;
  out.append(directive.left ? fill : text);
  return out;
}

}  // namespace

Text format_percent(Runtime& runtime, const Text& format, const std::vector<Value>& values,
                    bool all_used) {
  const std::string& bytes = format.str();
  Text out;
  size_t used = 0;
  for (size_t at = 0; at < bytes.size();) {
    const size_t mark = std::min(bytes.find('%', at), bytes.size());
    out.append(format, at, mark);
    if (mark == bytes.size()) break;
    at = mark + 1;
    if (at < bytes.size() && bytes[at] == '%') {
      out.append(format, at, at + 1);
      ++at;
      continue;
    }
    const Directive directive = read_directive(bytes, at);
    if (used >= values.size()) fail_here("the format has more directives than values");
    out.append(padded(formatted(runtime, directive, values[used++]), directive));
    runtime.spend_text(out.size());
  }
  if (all_used && used < values.size()) fail_here("the format has fewer directives than values");
  return out;
}

Text format_braces(Runtime& runtime, const Text& format, const std::vector<Value>& values,
                   const std::vector<std::pair<std::string, Value>>& named) {
  const std::string& bytes = format.str();
  Text out;
  size_t automatic = 0;
  for (size_t at = 0; at < bytes.size();) {
    const size_t mark = std::min(bytes.find_first_of("{}", at), bytes.size());
    out.append(format, at, mark);
    if (mark == bytes.size()) break;
    if (mark + 1 < bytes.size() && bytes[mark + 1] == bytes[mark]) {
      out.append(format, mark, mark + 1);
      at = mark + 2;
      continue;
    }
    const size_t end = bytes.find('}', mark);
    if (bytes[mark] == '}' || end == std::string::npos) fail_here("format: a single brace");
    const std::string name = bytes.substr(mark + 1, end - mark - 1);
    at = end + 1;
    const Value* value = nullptr;
    const bool digits =
        name.size() < 6 &&
        std::all_of(name.begin(), name.end(), [](unsigned char c) { return is_digit(c); });
    if (digits) {
      const size_t index = name.empty() ? automatic++ : std::stoul(name);
      if (index < values.size()) value = &values[index];
    }
    for (const auto& [key, item] : named) {
      if (key == name) value = &item;
    }
    if (value == nullptr) fail_here("format: there is no value for {{{}}}", name);
    out.append(to_text(runtime, *value));
    runtime.spend_text(out.size());
  }
  return out;
}

}  // namespace graft::texts::jinja
