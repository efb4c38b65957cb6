#include <fmt/format.h>

#include <cmath>
#include <list>

#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/print.h"
#include "graft/text/chat/jinja/unicode.h"

namespace graft::texts::jinja {
namespace {

std::string escape_of(char32_t c, bool ascii) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\f':
      return "\\f";
    case '\b':
      return "\\b";
    default:
      break;
  }
  if (c >= 0x20 && (c < 0x7F || !ascii)) return "";
  if (c == 0x7F) return "";
  const auto unit = [](uint32_t value) { return fmt::format("\\u{:04x}", value); };
  if (c < 0x10000) return unit(c);
  const uint32_t rest = static_cast<uint32_t>(c) - 0x10000;
  return unit(0xD800 + (rest >> 10)) + unit(0xDC00 + (rest & 0x3FF));
}

class Writer {
 public:
  Writer(Runtime& runtime, const JsonStyle& style) : runtime_(runtime), style_(style) {}

  void write(const Value& value, int level) {
    const Deeper deeper(runtime_);
    runtime_.spend(1);
    if (const Text* text = value.as_text()) {
      write_text(*text);
    } else if (const Sequence* sequence = value.as_sequence()) {
      if (sequence->kind != Sequence::Kind::list && sequence->kind != Sequence::Kind::tuple)
        refuse(value);
      write_list(*sequence, value.origin, level);
    } else if (const Dict* dict = value.as_dict()) {
      write_dict(*dict, value.origin, level);
    } else if (value.is_none()) {
      out.append("null", value.origin);
    } else if (value.is_bool() || value.as_integer() != nullptr || value.as_float() != nullptr) {
      out.append(scalar(value), value.origin);
    } else {
      refuse(value);
    }
    if (out.size() > runtime_.limits().output_bytes) runtime_.spend_text(out.size());
  }

  Text out;

 private:
  [[noreturn]] static void refuse(const Value& value) {
    fail_here("tojson: a value of type {} has no JSON form", value.type_name());
  }

  static std::string scalar(const Value& value) {
    if (value.is_bool()) return value.truthy() ? "true" : "false";
    if (const auto* integer = value.as_integer()) return std::to_string(*integer);
    const double number = *value.as_float();
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
    return show_float(number);
  }

  void write_text(const Text& text) {
    const std::string& bytes = text.str();
    runtime_.spend_text(bytes.size());
    out.append("\"", text.origin_at(0));
    size_t plain = 0;  // start of what needs no escape
    for (size_t at = 0; at < bytes.size();) {
      const CodePoint point = decode(bytes, at);
      const std::string escape = escape_of(point.value, style_.ascii);
      if (!escape.empty()) {
        out.append(text, plain, at);
        out.append(escape, text.origin_at(at));
        plain = at + point.bytes;
      }
      at += point.bytes;
    }
    out.append(text, plain, bytes.size());
    out.append("\"", text.origin_at(bytes.size()));
  }

  void new_line(int level, Origin origin) {
    if (!style_.lines) return;
    out.append("\n", origin);
    for (int i = 0; i < level; ++i) out.append(style_.indent, origin);
    runtime_.spend(style_.indent.size() * static_cast<size_t>(level));
  }

  void write_list(const Sequence& list, Origin origin, int level) {
    if (list.items.empty()) return out.append("[]", origin);
    out.append("[", origin);
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out.append(style_.item_separator, origin);
      new_line(level + 1, origin);
      write(list.items[i], level + 1);
    }
    new_line(level, origin);
    out.append("]", origin);
  }

  void write_dict(const Dict& dict, Origin origin, int level) {
    if (dict.entries.empty()) return out.append("{}", origin);
    std::list<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) {
      entries.sort([](const auto* a, const auto* b) { return order(a->first, b->first, "<") < 0; });
    }
    out.append("{", origin);
    for (const auto* entry : entries) {
      const auto& [key, value] = *entry;
      if (entry != entries.front()) out.append(style_.item_separator, origin);
      new_line(level + 1, origin);
      if (const Text* text = key.as_text()) {
        write_text(*text);
      } else if (key.is_none()) {
        out.append("\"null\"", key.origin);
      } else if (double number = 0; key.is_number(&number)) {
        out.append("\"" + scalar(key) + "\"", key.origin);
      } else {
        fail_here("tojson: a key of type {} has no JSON form", key.type_name());
      }
      out.append(style_.key_separator, origin);
      write(value, level + 1);
    }
    new_line(level, origin);
    out.append("}", origin);
  }

  Runtime& runtime_;
  const JsonStyle& style_;
};

}  // namespace

Text to_json(Runtime& runtime, const Value& value, const JsonStyle& style) {
  Writer writer(runtime, style);
  writer.write(value, 0);
  return std::move(writer.out);
}

}  // namespace graft::texts::jinja
