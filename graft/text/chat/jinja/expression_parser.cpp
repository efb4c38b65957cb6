#include "graft/text/chat/jinja/expression_parser.h"

#include <fmt/format.h>

#include <charconv>

namespace graft::texts::jinja {
namespace {

using Kind = Token::Kind;

constexpr int kMaxDepth = 100;  // brackets and blocks inside each other
constexpr int kMaxChain = 200;  // a + b + c …, x.a.b.c …, x|f|g …

}  // namespace

ExpressionParser::Nested::Nested(ExpressionParser& parser) : parser_(parser) {
  if (parser.depth_ >= kMaxDepth)
    parser.tokens_.fail(fmt::format("it is nested more than {} deep", kMaxDepth));
  ++parser.depth_;
}

void ExpressionParser::count_chain(int& length) const {
  if (++length > kMaxChain)
    tokens_.fail(fmt::format("more than {} operators in one row", kMaxChain));
}

template <typename Node>
ast::ExpressionPtr ExpressionParser::make(int line, Node node) {
  auto expression = std::make_unique<ast::Expression>();
  expression->node = std::move(node);
  expression->line = line;
  return expression;
}

ast::ExpressionPtr ExpressionParser::expression(bool conditional) {
  const Nested nested(*this);
  const int line = tokens_.line();
  Ptr value = disjunction();
  int length = 0;
  while (conditional && tokens_.skip_word("if")) {
    count_chain(length);
    Ptr condition = disjunction();
    Ptr otherwise;
    if (tokens_.skip_word("else")) otherwise = expression();
    value =
        make(line, ast::Conditional{std::move(condition), std::move(value), std::move(otherwise)});
  }
  return value;
}

ast::ExpressionPtr ExpressionParser::tuple_or_expression(bool conditional) {
  const int line = tokens_.line();
  Ptr first = expression(conditional);
  if (!tokens_.is_sign(",")) return first;
  ast::Items tuple{true, {}};
  tuple.items.push_back(std::move(first));
  while (tokens_.skip_sign(",")) {
    if (tokens_.is(Kind::variable_end) || tokens_.is(Kind::block_end) || tokens_.is_sign(")"))
      break;
    tuple.items.push_back(expression(conditional));
  }
  return make(line, std::move(tuple));
}

ast::ExpressionPtr ExpressionParser::disjunction() {
  const int line = tokens_.line();
  Ptr first = conjunction();
  if (!tokens_.is_word("or")) return first;
  ast::Logic logic{false, {}};
  logic.parts.push_back(std::move(first));
  while (tokens_.skip_word("or")) logic.parts.push_back(conjunction());
  return make(line, std::move(logic));
}

ast::ExpressionPtr ExpressionParser::conjunction() {
  const int line = tokens_.line();
  Ptr first = negation();
  if (!tokens_.is_word("and")) return first;
  ast::Logic logic{true, {}};
  logic.parts.push_back(std::move(first));
  while (tokens_.skip_word("and")) logic.parts.push_back(negation());
  return make(line, std::move(logic));
}

ast::ExpressionPtr ExpressionParser::negation() {
  const int line = tokens_.line();
  if (!tokens_.skip_word("not")) return comparison();
  const Nested nested(*this);
  return make(line, ast::Unary{"not", negation()});
}

ast::ExpressionPtr ExpressionParser::comparison() {
  const int line = tokens_.line();
  ast::Compare compare{sum(), {}};
  while (true) {
    std::string sign;
    for (const char* candidate : {"==", "!=", "<", "<=", ">", ">="}) {
      if (tokens_.is_sign(candidate)) sign = candidate;
    }
    if (tokens_.is_word("in")) sign = "in";
    if (tokens_.is_word("not") && tokens_.ahead().kind == Kind::name &&
        tokens_.ahead().value == "in") {
      tokens_.take();
      sign = "not in";
    }
    if (sign.empty()) break;
    tokens_.take();
    compare.rest.emplace_back(std::move(sign), sum());
  }
  if (compare.rest.empty()) return std::move(compare.first);
  return make(line, std::move(compare));
}

ast::ExpressionPtr ExpressionParser::sum() {
  Ptr left = concatenation();
  int length = 0;
  while (tokens_.is_sign("+") || tokens_.is_sign("-")) {
    count_chain(length);
    const Token token = tokens_.take();
    left = make(token.line, ast::Binary{token.value, std::move(left), concatenation()});
  }
  return left;
}

ast::ExpressionPtr ExpressionParser::concatenation() {
  const int line = tokens_.line();
  Ptr first = product();
  if (!tokens_.is_sign("~")) return first;
  ast::Concat concat;
  concat.parts.push_back(std::move(first));
  while (tokens_.skip_sign("~")) concat.parts.push_back(product());
  return make(line, std::move(concat));
}

ast::ExpressionPtr ExpressionParser::product() {
  Ptr left = power();
  int length = 0;
  while (tokens_.is_sign("*") || tokens_.is_sign("/") || tokens_.is_sign("//") ||
         tokens_.is_sign("%")) {
    count_chain(length);
    const Token token = tokens_.take();
    left = make(token.line, ast::Binary{token.value, std::move(left), power()});
  }
  return left;
}

ast::ExpressionPtr ExpressionParser::power() {
  Ptr left = unary();
  int length = 0;
  while (tokens_.is_sign("**")) {
    count_chain(length);
    const Token token = tokens_.take();
    left = make(token.line, ast::Binary{token.value, std::move(left), unary()});
  }
  return left;
}

ast::ExpressionPtr ExpressionParser::unary(bool with_filters) {
  const int line = tokens_.line();
  Ptr value;
  if (tokens_.is_sign("-") || tokens_.is_sign("+")) {
    const Nested nested(*this);
    const std::string sign = tokens_.take().value;
    value = make(line, ast::Unary{sign, unary(false)});
  } else {
    value = postfix(primary());
  }
  return with_filters ? filters_and_tests(std::move(value)) : std::move(value);
}

ast::ExpressionPtr ExpressionParser::literal_number(const Token& token) {
  const char* first = token.value.data();
  const char* last = first + token.value.size();
  if (token.kind == Kind::number) {
    double value = 0;
    std::from_chars(first, last, value);
    return make(token.line, ast::Literal{Value(value)});
  }
  int base = 10;
  if (token.value.size() > 2 && token.value[0] == '0') {
    const char mark = static_cast<char>(token.value[1] | 32);
    base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    if (base != 10) first += 2;
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(first, last, value, base);
  if (error != std::errc() || end != last)
    tokens_.fail(fmt::format("the number {} cannot be read", token.value));
  return make(token.line, ast::Literal{Value(value)});
}

ast::ExpressionPtr ExpressionParser::primary() {
  const Token token = tokens_.now();
  if (token.kind == Kind::name) {
    tokens_.take();
    if (token.value == "true" || token.value == "True")
      return make(token.line, ast::Literal{Value(true)});
    if (token.value == "false" || token.value == "False")
      return make(token.line, ast::Literal{Value(false)});
    if (token.value == "none" || token.value == "None")
      return make(token.line, ast::Literal{Value(None{})});
    return make(token.line, ast::Name{token.value});
  }
  if (token.kind == Kind::text) {
    std::string value;
    while (tokens_.is(Kind::text)) value += tokens_.take().value;  // neighbours join, as in Python
    return make(token.line, ast::Literal{Value::text(value)});
  }
  if (token.kind == Kind::integer || token.kind == Kind::number) {
    tokens_.take();
    return literal_number(token);
  }
  if (tokens_.is_sign("(")) return parenthesized();
  if (tokens_.is_sign("[")) return list();
  if (tokens_.is_sign("{")) return mapping();
  tokens_.fail_expected("an expression");
}

ast::ExpressionPtr ExpressionParser::parenthesized() {
  const int line = tokens_.line();
  tokens_.expect_sign("(");
  if (tokens_.skip_sign(")")) return make(line, ast::Items{true, {}});
  Ptr value = tuple_or_expression();
  tokens_.expect_sign(")");
  return value;
}

ast::ExpressionPtr ExpressionParser::list() {
  const int line = tokens_.line();
  tokens_.expect_sign("[");
  ast::Items items;
  while (!tokens_.is_sign("]")) {
    items.items.push_back(expression());
    if (!tokens_.skip_sign(",")) break;
  }
  tokens_.expect_sign("]");
  return make(line, std::move(items));
}

ast::ExpressionPtr ExpressionParser::mapping() {
  const int line = tokens_.line();
  tokens_.expect_sign("{");
  ast::Mapping mapping;
  while (!tokens_.is_sign("}")) {
    Ptr key = expression();
    tokens_.expect_sign(":");
    mapping.entries.emplace_back(std::move(key), expression());
    if (!tokens_.skip_sign(",")) break;
  }
  tokens_.expect_sign("}");
  return make(line, std::move(mapping));
}

ast::ExpressionPtr ExpressionParser::postfix(Ptr object) {
  int length = 0;
  while (true) {
    const int line = tokens_.line();
    if (tokens_.is_sign(".")) {
      object = dotted(std::move(object));
    } else if (tokens_.is_sign("[")) {
      object = subscript(std::move(object));
    } else if (tokens_.is_sign("(")) {
      ast::Arguments given = arguments();
      object = make(line, ast::Call{std::move(object), std::move(given)});
    } else {
      return object;
    }
    count_chain(length);
  }
}

ast::ExpressionPtr ExpressionParser::dotted(Ptr object) {
  const int line = tokens_.line();
  tokens_.expect_sign(".");
  if (tokens_.is(Kind::integer)) {
    Ptr index = literal_number(tokens_.take());
    return make(line, ast::Item{std::move(object), std::move(index)});
  }
  std::string name = tokens_.expect_name();
  return make(line, ast::Attribute{std::move(object), std::move(name)});
}

ast::ExpressionPtr ExpressionParser::subscript(Ptr object) {
  const int line = tokens_.line();
  tokens_.expect_sign("[");
  const auto bound = [this]() -> Ptr {
    return tokens_.is_sign(":") || tokens_.is_sign("]") ? nullptr : expression();
  };
  Ptr start = bound();
  if (!tokens_.is_sign(":")) {
    if (!start) tokens_.fail_expected("an index");
    if (tokens_.is_sign(",")) tokens_.fail("several indices in one [] are not supported");
    tokens_.expect_sign("]");
    return make(line, ast::Item{std::move(object), std::move(start)});
  }
  tokens_.expect_sign(":");
  Ptr stop = bound();
  Ptr step;
  if (tokens_.skip_sign(":")) step = bound();
  tokens_.expect_sign("]");
  return make(line,
              ast::Slice{std::move(object), std::move(start), std::move(stop), std::move(step)});
}

ast::Arguments ExpressionParser::arguments() {
  tokens_.expect_sign("(");
  ast::Arguments given;
  while (!tokens_.is_sign(")")) {
    const Token& ahead = tokens_.ahead();
    if (tokens_.is_sign("*") || tokens_.is_sign("**")) {
      Ptr& many = tokens_.take().value == "*" ? given.list : given.dict;
      if (many) tokens_.fail("* and ** can stand once each");
      many = expression();
    } else if (tokens_.is(Kind::name) && ahead.kind == Kind::sign && ahead.value == "=") {
      std::string name = tokens_.take().value;
      tokens_.take();
      given.named.emplace_back(std::move(name), expression());
    } else {
      if (!given.named.empty()) tokens_.fail("an argument without a name after one with a name");
      given.positional.push_back(expression());
    }
    if (!tokens_.skip_sign(",")) break;
  }
  tokens_.expect_sign(")");
  return given;
}

ast::ExpressionPtr ExpressionParser::filters_and_tests(Ptr input) {
  int length = 0;
  while (true) {
    const int line = tokens_.line();
    if (tokens_.skip_sign("|")) {
      input = filter(std::move(input));
    } else if (tokens_.skip_word("is")) {
      input = test(std::move(input));
    } else if (tokens_.is_sign("(")) {
      ast::Arguments given = arguments();
      input = make(line, ast::Call{std::move(input), std::move(given)});
    } else {
      return input;
    }
    count_chain(length);
  }
}

ast::ExpressionPtr ExpressionParser::filters(Ptr input) {
  int length = 0;
  while (tokens_.skip_sign("|")) {
    count_chain(length);
    input = filter(std::move(input));
  }
  return input;
}

ast::ExpressionPtr ExpressionParser::first_filter() {
  return filters(filter(nullptr));
}

ast::ExpressionPtr ExpressionParser::filter(Ptr input) {
  const int line = tokens_.line();
  std::string name = tokens_.expect_name();
  ast::Arguments given;
  if (tokens_.is_sign("(")) given = arguments();
  return make(line, ast::Filter{std::move(input), std::move(name), std::move(given)});
}

ast::ExpressionPtr ExpressionParser::test(Ptr input) {
  const int line = tokens_.line();
  const bool negated = tokens_.skip_word("not");
  std::string name = tokens_.expect_name();
  ast::Arguments given;
  const Token& next = tokens_.now();
  const bool literal = next.kind == Kind::text || next.kind == Kind::integer ||
                       next.kind == Kind::number || tokens_.is_sign("[") || tokens_.is_sign("{");
  const bool word = next.kind == Kind::name && next.value != "else" && next.value != "or" &&
                    next.value != "and" && next.value != "if" && next.value != "is" &&
                    next.value != "in" && next.value != "not" && next.value != "recursive";
  if (tokens_.is_sign("(")) {
    given = arguments();
  } else if (literal || word) {
    given.positional.push_back(postfix(primary()));
  }
  Ptr result = make(line, ast::Test{std::move(input), std::move(name), std::move(given)});
  return negated ? make(line, ast::Unary{"not", std::move(result)}) : std::move(result);
}

ast::Target ExpressionParser::single_target(bool namespaces) {
  const Nested nested(*this);
  ast::Target target;
  if (tokens_.skip_sign("(")) {
    target = this->target(namespaces);
    tokens_.expect_sign(")");
    return target;
  }
  target.name = tokens_.expect_name();
  for (const char* word : {"true", "false", "none", "True", "False", "None", "loop"}) {
    if (target.name == word) tokens_.fail(fmt::format("'{}' cannot be assigned to", word));
  }
  if (tokens_.is_sign(".")) {
    if (!namespaces) tokens_.fail("attributes of a namespace cannot be assigned to here");
    tokens_.take();
    target.attribute = tokens_.expect_name();
  }
  return target;
}

ast::Target ExpressionParser::target(bool namespaces) {
  ast::Target first = single_target(namespaces);
  if (!tokens_.is_sign(",")) return first;
  ast::Target several;
  several.parts.push_back(std::move(first));
  while (tokens_.skip_sign(",")) {
    if (tokens_.is_word("in") || tokens_.is_sign("=") || tokens_.is_sign(")")) break;
    several.parts.push_back(single_target(namespaces));
  }
  return several;
}

}  // namespace graft::texts::jinja
