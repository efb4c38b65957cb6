#pragma once

#include <string_view>
#include <vector>

#include "graft/text/chat/jinja/token.h"

namespace graft::texts::jinja {

/// The tokens of a template with a position in them.
class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& now() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  const Token& take();
  int line() const { return now().line; }

  bool is(Token::Kind kind) const { return now().kind == kind; }
  bool is_sign(std::string_view sign) const { return is(Token::Kind::sign) && now().value == sign; }
  bool is_word(std::string_view word) const { return is(Token::Kind::name) && now().value == word; }
  /// Takes it when it is there.
  bool skip_sign(std::string_view sign);
  bool skip_word(std::string_view word);
  /// Throws when it is not there.
  void expect_sign(std::string_view sign);
  void expect_word(std::string_view word);
  void expect(Token::Kind kind);
  std::string expect_name();

  [[noreturn]] void fail(std::string what) const;
  [[noreturn]] void fail_expected(std::string_view what) const;

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

/// How an error message calls the token.
std::string describe(const Token& token);

}  // namespace graft::texts::jinja
