#include "graft/text/chat/jinja/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "graft/text/chat/jinja/expression_parser.h"

namespace graft::texts::jinja {
namespace {

using Kind = Token::Kind;
using Ends = std::initializer_list<std::string_view>;

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize(source)), expressions_(tokens_) {}

  ast::Template run() {
    ast::Template result;
    result.body = body({});
    result.has_generation = has_generation_;
    return result;
  }

 private:
  /// Statements up to a block that begins with one of `ends`, whose name is then the next token; to
  /// the end of the template when there are none.
  ast::Body body(Ends ends) {
    const ExpressionParser::Nested nested(expressions_);
    const int line = tokens_.line();
    ast::Body statements;
    while (!tokens_.is(Kind::end)) {
      const int at = tokens_.line();
      if (tokens_.is(Kind::data)) {
        statements.push_back({ast::Data{tokens_.take().value}, at});
      } else if (tokens_.is(Kind::variable_begin)) {
        tokens_.take();
        statements.push_back({ast::Output{expressions_.tuple_or_expression()}, at});
        tokens_.expect(Kind::variable_end);
      } else {
        tokens_.expect(Kind::block_begin);
        for (const std::string_view end : ends) {
          if (tokens_.is_word(end)) return statements;
        }
        statements.push_back(statement());
        tokens_.expect(Kind::block_end);
      }
    }
    if (ends.size() > 0)
      throw SyntaxFailure{fmt::format("the block that begins here has no {}", *(ends.end() - 1)),
                          line};
    return statements;
  }

  /// The same after the end of the block's first tag; takes the name of the end too.
  ast::Body block(std::string_view end) {
    tokens_.expect(Kind::block_end);
    ast::Body statements = body({end});
    tokens_.take();
    return statements;
  }

  ast::Statement statement() {
    const int line = tokens_.line();
    const std::string word = tokens_.expect_name();
    if (word == "if") return {if_block(), line};
    if (word == "for") return {for_block(), line};
    if (word == "set") return set_block(line);
    if (word == "macro") return {macro(), line};
    if (word == "generation") {
      has_generation_ = true;
      return {ast::Generation{block("endgeneration")}, line};
    }
    if (word == "filter") {
      ast::ExpressionPtr filters = expressions_.first_filter();
      return {ast::FilterBlock{std::move(filters), block("endfilter")}, line};
    }
    if (word == "with") return {with_block(), line};
    if (word == "print") return {ast::Output{expressions_.tuple_or_expression()}, line};
    if (word == "break" || word == "continue") {
      if (loops_ == 0) tokens_.fail(fmt::format("'{}' stands outside of a loop", word));
      if (word == "break") return {ast::Break{}, line};
      return {ast::Continue{}, line};
    }
    for (const char* known : {"block", "extends", "include", "import", "from", "call", "autoescape",
                              "do", "trans", "debug"}) {
      if (word == known) tokens_.fail(fmt::format("the block '{}' is not supported", word));
    }
    tokens_.fail(fmt::format("there is no block '{}', or it ends nothing here", word));
  }

  ast::If if_block() {
    ast::If result;
    while (true) {
      ast::ExpressionPtr condition = expressions_.tuple_or_expression(false);
      tokens_.expect(Kind::block_end);
      result.branches.emplace_back(std::move(condition), body({"elif", "else", "endif"}));
      const std::string end = tokens_.take().value;
      if (end == "elif") continue;
      if (end == "else") result.otherwise = block("endif");
      return result;
    }
  }

  ast::For for_block() {
    ast::For result;
    result.target = expressions_.target(false);
    tokens_.expect_word("in");
    result.items = expressions_.tuple_or_expression(false);
    if (tokens_.skip_word("if")) result.condition = expressions_.expression();
    if (tokens_.is_word("recursive")) tokens_.fail("'recursive' loops are not supported");
    tokens_.expect(Kind::block_end);
    ++loops_;
    result.body = body({"else", "endfor"});
    --loops_;
    if (tokens_.take().value == "else") result.otherwise = block("endfor");
    return result;
  }

  ast::Statement set_block(int line) {
    ast::Target target = expressions_.target(true);
    if (tokens_.skip_sign("="))
      return {ast::Set{std::move(target), expressions_.tuple_or_expression()}, line};
    ast::ExpressionPtr filters = expressions_.filters(nullptr);
    return {ast::SetBlock{std::move(target), std::move(filters), block("endset")}, line};
  }

  ast::With with_block() {
    ast::With result;
    while (!tokens_.is(Kind::block_end)) {
      if (!result.values.empty()) tokens_.expect_sign(",");
      ast::Target target;
      target.name = tokens_.expect_name();
      tokens_.expect_sign("=");
      result.values.emplace_back(std::move(target), expressions_.expression());
    }
    result.body = block("endwith");
    return result;
  }

  ast::Macro macro() {
    ast::Macro result;
    result.name = tokens_.expect_name();
    tokens_.expect_sign("(");
    while (!tokens_.is_sign(")")) {
      if (!result.parameters.empty()) tokens_.expect_sign(",");
      ast::Macro::Parameter parameter;
      parameter.name = tokens_.expect_name();
      if (tokens_.skip_sign("=")) {
        parameter.fallback = expressions_.expression();
      } else if (!result.parameters.empty() && result.parameters.back().fallback) {
        tokens_.fail("a parameter without a default after one with a default");
      }
      result.parameters.push_back(std::move(parameter));
    }
    tokens_.expect_sign(")");
    const int loops = std::exchange(loops_, 0);  // a macro cannot leave the loop it stands in
    result.body = block("endmacro");
    loops_ = loops;
    return result;
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  int loops_ = 0;
  bool has_generation_ = false;
};

}  // namespace

ast::Template parse(std::string_view source) {
  return Parser(source).run();
}

}  // namespace graft::texts::jinja
