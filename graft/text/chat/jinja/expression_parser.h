#pragma once

#include "graft/text/chat/jinja/ast.h"
#include "graft/text/chat/jinja/token_stream.h"

namespace graft::texts::jinja {

/// Expressions with the precedence of Jinja2: `if else`, or, and, not, comparisons, + -, ~,
/// * / // %, **, unary signs, then attributes, items, calls, filters and tests.
class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  /// One expression. Without `conditional`, a following `if` is left alone (`for x in y if z`).
  ast::ExpressionPtr expression(bool conditional = true);
  /// Several with commas between them make a tuple.
  ast::ExpressionPtr tuple_or_expression(bool conditional = true);
  /// `| name(arguments) | …` upon `input`, which may be null.
  ast::ExpressionPtr filters(ast::ExpressionPtr input);
  /// The first filter without its bar, as {% filter %} has it, and those after it.
  ast::ExpressionPtr first_filter();
  /// What `for`, `set` and `with` assign to. `namespaces`: `name.attribute` is allowed.
  ast::Target target(bool namespaces);

  /// Counts nesting against the limit, for as long as it lives.
  class Nested {
   public:
    explicit Nested(ExpressionParser& parser);
    ~Nested() { --parser_.depth_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    ExpressionParser& parser_;
  };

 private:
  using Ptr = ast::ExpressionPtr;

  template <typename Node>
  Ptr make(int line, Node node);
  Ptr disjunction();
  Ptr conjunction();
  Ptr negation();
  Ptr comparison();
  Ptr sum();
  Ptr concatenation();
  Ptr product();
  Ptr power();
  Ptr unary(bool with_filters = true);
  Ptr primary();
  Ptr literal_number(const Token& token);
  Ptr parenthesized();
  Ptr list();
  Ptr mapping();
  Ptr postfix(Ptr object);
  Ptr dotted(Ptr object);
  Ptr subscript(Ptr object);
  Ptr filters_and_tests(Ptr input);
  Ptr filter(Ptr input);
  Ptr test(Ptr input);
  ast::Target single_target(bool namespaces);
  ast::Arguments arguments();
  /// Operators in a row lean to the left, so that their number is a depth too.
  void count_chain(int& length) const;

  TokenStream& tokens_;
  int depth_ = 0;
};

}  // namespace graft::texts::jinja
