#include "graft/text/chat/jinja/text_operations.h"
#include "graft/text/chat/jinja/unicode.h"

namespace graft::texts::jinja {
namespace {

/// Every character through `change(character, out)`.
template <typename Change>
Text changed(const Text& text, Change change) {
  Text out;
  out.markup = text.markup;
  std::string piece;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text.str(), at);
    piece.clear();
    if (point.bytes == 1 && point.value >= 0x80) {
      piece = text.str()[at];  // a stray byte stays as it is
    } else {
      change(point.value, piece);
    }
    out.append(piece, text.origin_at(at));
    at += point.bytes;
  }
  return out;
}

/// As upper case, but a character that becomes several has one capital only.
void put_title(char32_t c, std::string& out) {
  if (c == 0xDF) {
    out += "Ss";
  } else {
    append_upper(c, out);
  }
}
void put_lower(char32_t c, std::string& out) {
  encode(to_lower(c), out);
}

}  // namespace

Text upper(const Text& text) {
  return changed(text, append_upper);
}
Text lower(const Text& text) {
  return changed(text, put_lower);
}

Text capitalize(const Text& text) {
  bool first = true;
  return changed(text, [&first](char32_t c, std::string& out) {
    first ? put_title(c, out) : put_lower(c, out);
    first = false;
  });
}

Text title(const Text& text) {
  bool inside = false;
  return changed(text, [&inside](char32_t c, std::string& out) {
    inside ? put_lower(c, out) : put_title(c, out);
    inside = is_cased(c);
  });
}

Text title_words(const Text& text) {
  bool inside = false;
  return changed(text, [&inside](char32_t c, std::string& out) {
    inside ? put_lower(c, out) : append_upper(c, out);
    inside = !(is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<');
  });
}

Text escape_html(const Text& text) {
  Text out = changed(text, [](char32_t c, std::string& piece) {
    switch (c) {
      case '&':
        piece = "&amp;";
        break;
      case '<':
        piece = "&lt;";
        break;
      case '>':
        piece = "&gt;";
        break;
      case '"':
        piece = "&#34;";
        break;
      case '\'':
        piece = "&#39;";
        break;
      default:
        encode(c, piece);
    }
  });
  out.markup = true;
  return out;
}

}  // namespace graft::texts::jinja
