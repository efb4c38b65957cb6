#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace graft::texts::jinja {

struct Token {
  enum class Kind {
    data,            ///< text outside of tags
    block_begin,     ///< {%
    block_end,       ///< %}
    variable_begin,  ///< {{
    variable_end,    ///< }}
    name,
    text,  ///< a literal, escapes resolved
    integer,
    number,
    sign,  ///< operators, brackets, commas
    end
  };
  Kind kind = Kind::end;
  std::string value;
  int line = 1;
};

/// Cuts a template into tokens, with the rules of Jinja2 under trim_blocks and lstrip_blocks: the
/// first line end after a block or comment goes, so do blanks before one that starts a line, and
/// `-` and `+` inside the marks say otherwise. Comments and {% raw %} are resolved here. Throws
/// SyntaxFailure.
std::vector<Token> tokenize(std::string_view source);

/// A mistake in a template, with its line.
struct SyntaxFailure {
  std::string what;
  int line = 0;
};

}  // namespace graft::texts::jinja
