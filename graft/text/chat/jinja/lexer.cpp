#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "graft/text/chat/jinja/token.h"
#include "graft/text/chat/jinja/unicode.h"

namespace graft::texts::jinja {
namespace {

using Kind = Token::Kind;

bool is_name_start(char32_t c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= 0x80 && !is_space(c));
}

/// Line ends become \n, and one at the end of the source is dropped.
std::string normalized(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t at = 0; at < source.size(); ++at) {
    if (source[at] != '\r') {
      text += source[at];
    } else {
      text += '\n';
      if (at + 1 < source.size() && source[at + 1] == '\n') ++at;
    }
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

size_t end_without_spaces(std::string_view text) {
  // Backwards by characters: continuation bytes belong to what precedes them.
  size_t end = text.size();
  while (end > 0) {
    size_t start = end - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
    if (!is_space(decode(text, start).value)) break;
    end = start;
  }
  return end;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalized(source)), rest_(source_) {}

  std::vector<Token> run() {
    while (!rest_.empty()) data();
    add(Kind::end, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(std::string what, int line) const {
    throw SyntaxFailure{std::move(what), line};
  }
  [[noreturn]] void fail(std::string what) const { fail(std::move(what), line_); }

  void add(Kind kind, std::string value) { tokens_.push_back({kind, std::move(value), line_}); }

  void skip(size_t bytes) {
    line_ += static_cast<int>(std::count(rest_.begin(), rest_.begin() + bytes, '\n'));
    if (bytes > 0) starts_line_ = rest_[bytes - 1] == '\n';
    rest_.remove_prefix(bytes);
  }

  void skip_spaces() {
    while (!rest_.empty()) {
      const CodePoint point = decode(rest_, 0);
      if (!is_space(point.value)) return;
      skip(point.bytes);
    }
  }

  bool starts(std::string_view with) const { return rest_.substr(0, with.size()) == with; }

  /// The text up to the next tag, and the tag's opening mark.
  void data() {
    const size_t at = next_tag();
    std::string_view text = rest_.substr(0, at);
    if (at == rest_.size()) {
      add(Kind::data, std::string(text));
      return skip(at);
    }
    const char what = rest_[at + 1];
    const char sign = at + 2 < rest_.size() ? rest_[at + 2] : ' ';
    text = stripped_before(text, sign, what != '{');
    if (!text.empty()) add(Kind::data, std::string(text));
    const bool has_sign = sign == '-' || sign == '+';
    // In {{ a plus or minus may begin an expression: only the minus is a mark there, as in Jinja2.
    skip(at + 2 + (has_sign ? 1 : 0));
    if (what == '#') return comment();
    if (what == '{') {
      add(Kind::variable_begin, "{{");
      return expression(true);
    }
    if (const size_t raw_end = raw_tag(); raw_end != 0) return raw(raw_end);
    add(Kind::block_begin, "{%");
    expression(false);
  }

  size_t next_tag() const {
    for (size_t at = rest_.find('{'); at != std::string_view::npos; at = rest_.find('{', at + 1)) {
      if (at + 1 < rest_.size() &&
          (rest_[at + 1] == '{' || rest_[at + 1] == '%' || rest_[at + 1] == '#'))
        return at;
    }
    return rest_.size();
  }

  std::string_view stripped_before(std::string_view text, char sign, bool block) const {
    if (sign == '-') return text.substr(0, end_without_spaces(text));
    if (sign == '+' || !block) return text;
    const size_t line = text.rfind('\n') + 1;  // npos + 1 is 0
    if (line == 0 && !starts_line_) return text;
    const size_t end = end_without_spaces(text);
    return end <= line ? text.substr(0, line) : text;
  }

  /// After a tag's text: its end mark with what it swallows. 0 when there is none here.
  size_t end_mark(std::string_view mark) const {
    if (starts(mark)) {
      const bool newline = mark != "}}" && rest_.substr(mark.size(), 1) == "\n";
      return mark.size() + (newline ? 1 : 0);
    }
    if (starts("-") && rest_.substr(1, mark.size()) == mark) {
      size_t end = 1 + mark.size();
      while (end < rest_.size() && is_space(decode(rest_, end).value))
        end += decode(rest_, end).bytes;
      return end;
    }
    if (mark != "}}" && starts("+") && rest_.substr(1, mark.size()) == mark) return 1 + mark.size();
    return 0;
  }

  void comment() {
    const int line = line_;
    const size_t end = rest_.find("#}");
    if (rest_.empty()) return;  // Jinja2 forgives it at the very end
    if (end == std::string_view::npos) fail("a comment {# has no end #}", line);
    const bool sign = end > 0 && (rest_[end - 1] == '-' || rest_[end - 1] == '+');
    skip(end - (sign ? 1 : 0));
    skip(end_mark("#}"));
  }

  /// Length of "raw %}" when the block that was just opened is one.
  size_t raw_tag() {
    size_t at = 0;
    while (at < rest_.size() && is_space(decode(rest_, at).value)) at += decode(rest_, at).bytes;
    if (rest_.substr(at, 3) != "raw") return 0;
    at += 3;
    while (at < rest_.size() && is_space(decode(rest_, at).value)) at += decode(rest_, at).bytes;
    const std::string_view after = rest_.substr(at);
    if (after.substr(0, 2) == "%}") return at + 2;  // without trim_blocks, as in Jinja2
    if (after.substr(0, 3) != "-%}") return 0;
    at += 3;
    while (at < rest_.size() && is_space(decode(rest_, at).value)) at += decode(rest_, at).bytes;
    return at;
  }

  void raw(size_t begin) {
    const int line = line_;
    skip(begin);
    for (size_t at = rest_.find("{%"); at != std::string_view::npos;
         at = rest_.find("{%", at + 1)) {
      size_t name = at + 2;
      const char sign = name < rest_.size() ? rest_[name] : ' ';
      if (sign == '-' || sign == '+') ++name;
      while (name < rest_.size() && is_space(decode(rest_, name).value))
        name += decode(rest_, name).bytes;
      if (rest_.substr(name, 6) != "endraw") continue;
      const std::string_view text = stripped_before(rest_.substr(0, at), sign, true);
      if (!text.empty()) add(Kind::data, std::string(text));
      skip(name + 6);
      skip_spaces();
      const size_t end = end_mark("%}");
      if (end == 0) fail("endraw takes nothing but its end mark %}");
      return skip(end);
    }
    if (!rest_.empty()) fail("{% raw %} has no {% endraw %}", line);
  }

  void expression(bool variable) {
    const int begin = line_;
    const std::string_view mark = variable ? "}}" : "%}";
    std::string brackets;
    while (true) {
      skip_spaces();
      if (rest_.empty()) fail(fmt::format("a tag has no end {}", mark), begin);
      if (brackets.empty()) {
        if (const size_t end = end_mark(mark); end != 0) {
          add(variable ? Kind::variable_end : Kind::block_end, std::string(mark));
          return skip(end);
        }
      }
      token(brackets);
    }
  }

  void token(std::string& brackets) {
    const char first = rest_[0];
    if (first == '\'' || first == '"') return text_literal(first);
    if (is_digit(static_cast<unsigned char>(first))) return number();
    if (is_name_start(decode(rest_, 0).value)) return name();
    static constexpr std::array<std::string_view, 8> kTwo{
        "==", "!=", ">=", "<=", "//", "**", "%}", "}}"};
    const std::string_view two = rest_.substr(0, 2);
    if (two != "%}" && two != "}}" && std::find(kTwo.begin(), kTwo.end(), two) != kTwo.end()) {
      add(Kind::sign, std::string(two));
      return skip(2);
    }
    if (std::string_view("+-/*%~[](){}><=.:|,;").find(first) == std::string_view::npos)
      fail(fmt::format("unexpected character '{}'", rest_.substr(0, decode(rest_, 0).bytes)));
    balance(first, brackets);
    add(Kind::sign, std::string(1, first));
    skip(1);
  }

  void balance(char sign, std::string& brackets) const {
    if (sign == '(') brackets += ')';
    if (sign == '[') brackets += ']';
    if (sign == '{') brackets += '}';
    if (sign != ')' && sign != ']' && sign != '}') return;
    if (brackets.empty()) fail(fmt::format("'{}' closes nothing", sign));
    if (brackets.back() != sign)
      fail(fmt::format("'{}' where '{}' is missing", sign, brackets.back()));
    brackets.pop_back();
  }

  void name() {
    size_t end = 0;
    while (end < rest_.size()) {
      const CodePoint point = decode(rest_, end);
      if (!is_name_start(point.value) && !is_digit(point.value)) break;
      end += point.bytes;
    }
    add(Kind::name, std::string(rest_.substr(0, end)));
    skip(end);
  }

  void number() {
    size_t end = 0;
    const auto digits = [&] {
      while (end < rest_.size() &&
             (is_digit(static_cast<unsigned char>(rest_[end])) || rest_[end] == '_'))
        ++end;
    };
    const auto digit_at = [&](size_t at) {
      return at < rest_.size() && is_digit(static_cast<unsigned char>(rest_[at]));
    };
    if (starts("0x") || starts("0b") || starts("0o") || starts("0X") || starts("0B") ||
        starts("0O")) {
      end = 2;
      while (end < rest_.size() && std::isxdigit(static_cast<unsigned char>(rest_[end]))) ++end;
      add(Kind::integer, std::string(rest_.substr(0, end)));
      return skip(end);
    }
    digits();
    bool whole = true;
    const bool after_dot = !tokens_.empty() && tokens_.back().value == ".";  // items: x.0.1
    if (!after_dot && end < rest_.size() && rest_[end] == '.' && digit_at(end + 1)) {
      whole = false;
      ++end;
      digits();
    }
    if (end < rest_.size() && (rest_[end] == 'e' || rest_[end] == 'E')) {
      const size_t sign =
          end + 1 < rest_.size() && (rest_[end + 1] == '+' || rest_[end + 1] == '-');
      if (digit_at(end + 1 + sign)) {
        whole = false;
        end += 1 + sign;
        digits();
      }
    }
    std::string value(rest_.substr(0, end));
    value.erase(std::remove(value.begin(), value.end(), '_'), value.end());
    add(whole ? Kind::integer : Kind::number, std::move(value));
    skip(end);
  }

  void text_literal(char quote) {
    const int begin = line_;
    std::string value;
    size_t at = 1;
    while (true) {
      if (at >= rest_.size()) fail("a text has no closing quote", begin);
      if (rest_[at] == quote) break;
      if (rest_[at] == '\\') {
        at = escape(at, value);
      } else {
        value += rest_[at++];
      }
    }
    add(Kind::text, std::move(value));
    skip(at + 1);
  }

  /// Python's escapes; `at` is the backslash, the result is the position behind the escape.
  size_t escape(size_t at, std::string& value) const {
    if (at + 1 >= rest_.size()) fail("a text ends with a backslash");
    const char c = rest_[at + 1];
    static constexpr std::string_view kNames = "nrtabfv\\'\"", kMeanings = "\n\r\t\a\b\f\v\\'\"";
    if (const size_t found = kNames.find(c); found != std::string_view::npos) {
      value += kMeanings[found];
      return at + 2;
    }
    if (c == '\n') return at + 2;
    if (c >= '0' && c <= '7') {
      char32_t code = 0;
      size_t end = at + 1;
      for (; end < rest_.size() && end < at + 4 && rest_[end] >= '0' && rest_[end] <= '7'; ++end)
        code = code * 8 + static_cast<char32_t>(rest_[end] - '0');
      encode(code, value);
      return end;
    }
    const size_t length = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (c == 'N') fail("the escape \\N{...} is not supported; write the character itself");
    if (length == 0) {
      value += '\\';
      return at + 1;
    }
    char32_t code = 0;
    for (size_t i = at + 2; i < at + 2 + length; ++i) {
      const std::string_view digits = "0123456789abcdef";
      const char lower = i < rest_.size() ? static_cast<char>(std::tolower(rest_[i])) : ' ';
      const size_t digit = digits.find(lower);
      if (digit == std::string_view::npos)
        fail(fmt::format("\\{} wants {} hexadecimal digits", c, length));
      code = code * 16 + static_cast<char32_t>(digit);
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
      fail(fmt::format("\\{} names no character", c));
    encode(code, value);
    return at + 2 + length;
  }

  std::string source_;
  std::string_view rest_;
  int line_ = 1;
  bool starts_line_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace graft::texts::jinja
