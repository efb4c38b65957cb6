#include "graft/text/chat/jinja/print.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "graft/text/chat/jinja/callable.h"
#include "graft/text/chat/jinja/unicode.h"

namespace graft::texts::jinja {
namespace {

void append_repr(Runtime& runtime, const Value& value, Text& out);

/// Copies in pieces, so that escapes get the origin of the character that they stand for.
void append_quoted(Runtime& runtime, const Text& text, Text& out) {
  const std::string& bytes = text.str();
  runtime.spend_text(bytes.size() * 2);
  const bool single = bytes.find('\'') == std::string::npos || bytes.find('"') != std::string::npos;
  const char quote = single ? '\'' : '"';
  const std::string_view mark(&quote, 1);
  if (text.markup) out.append("Markup(", text.origin_at(0));
  out.append(mark, text.origin_at(0));
  for (size_t at = 0; at < bytes.size();) {
    const CodePoint point = decode(bytes, at);
    const char32_t c = point.value;
    std::string escape;
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      escape = {'\\', static_cast<char>(c)};
    } else if (c == '\n') {
      escape = "\\n";
    } else if (c == '\r') {
      escape = "\\r";
    } else if (c == '\t') {
      escape = "\\t";
    } else if (!is_printable(c)) {
      escape = c < 0x100     ? fmt::format("\\x{:02x}", static_cast<uint32_t>(c))
               : c < 0x10000 ? fmt::format("\\u{:04x}", static_cast<uint32_t>(c))
                             : fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
    }
    if (escape.empty()) {
      out.append(text, at, at + point.bytes);
    } else {
      out.append(escape, text.origin_at(at));
    }
    at += point.bytes;
  }
  out.append(mark, text.origin_at(bytes.size()));
  if (text.markup) out.append(")", text.origin_at(bytes.size()));
}

void append_items(Runtime& runtime, const Sequence& sequence, Origin origin, Text& out) {
  for (size_t i = 0; i < sequence.items.size(); ++i) {
    if (i > 0) out.append(", ", origin);
    append_repr(runtime, sequence.items[i], out);
  }
}

void append_sequence(Runtime& runtime, const Sequence& sequence, Origin origin, Text& out) {
  using enum Sequence::Kind;
  switch (sequence.kind) {
    case list:
      out.append("[", origin);
      append_items(runtime, sequence, origin, out);
      out.append("]", origin);
      break;
    case tuple:
      out.append("(", origin);
      append_items(runtime, sequence, origin, out);
      out.append(sequence.items.size() == 1 ? ",)" : ")", origin);
      break;
    case view:
      out.append("dict_items([", origin);
      append_items(runtime, sequence, origin, out);
      out.append("])", origin);
      break;
    case range:
      out.append(fmt::format("range of {} items", sequence.items.size()), origin);
      break;
    case generator:
      out.append("<generator object>", origin);
      break;
  }
}

void append_dict(Runtime& runtime, const Dict& dict, Origin origin, Text& out) {
  out.append("{", origin);
  bool first = true;
  for (const auto& [key, value] : dict.entries) {
    if (!first) out.append(", ", origin);
    first = false;
    append_repr(runtime, key, out);
    out.append(": ", origin);
    append_repr(runtime, value, out);
  }
  out.append("}", origin);
}

void append_repr(Runtime& runtime, const Value& value, Text& out) {
  const Deeper deeper(runtime);
  runtime.spend(1);
  if (const Text* text = value.as_text()) {
    append_quoted(runtime, *text, out);
  } else if (const Sequence* sequence = value.as_sequence()) {
    append_sequence(runtime, *sequence, value.origin, out);
  } else if (const Dict* dict = value.as_dict()) {
    append_dict(runtime, *dict, value.origin, out);
  } else if (value.is_undefined()) {
    out.append("Undefined", value.origin);
  } else {
    out.append(to_text(runtime, value));
  }
  if (out.size() > runtime.limits().output_bytes) runtime.spend_text(out.size());
}

}  // namespace

std::string show_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string shown(buffer, end);
  const size_t mark = shown.find('e');
  const int exponent = std::stoi(shown.substr(mark + 1));
  if (exponent < -4 || exponent >= 16) return shown;
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string text(buffer, fixed.ptr);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

Text to_repr(Runtime& runtime, const Value& value) {
  Text out;
  append_repr(runtime, value, out);
  return out;
}

Text to_text(Runtime& runtime, const Value& value) {
  if (const Text* text = value.as_text()) return *text;
  if (value.is_undefined()) return {};
  if (value.is_none()) return Text("None", value.origin);
  if (const auto* integer = value.as_integer()) return Text(std::to_string(*integer), value.origin);
  if (const auto* number = value.as_float()) return Text(show_float(*number), value.origin);
  if (value.is_bool()) return Text(value.truthy() ? "True" : "False", value.origin);
  if (value.as_sequence() != nullptr || value.as_dict() != nullptr) return to_repr(runtime, value);
  if (const Namespace* names = value.as_namespace()) {
    Text out("<Namespace ");
    const Deeper deeper(runtime);
    append_dict(runtime, names->attributes, value.origin, out);
    out.append(">", value.origin);
    return out;
  }
  if (const Callable* callable = value.as_callable())
    return Text(fmt::format("<function {}>", callable->name));
  const LoopState* loop = value.as_loop();
  return Text(fmt::format("<LoopContext {}/{}>", loop->index + 1, loop->items->items.size()));
}

}  // namespace graft::texts::jinja
