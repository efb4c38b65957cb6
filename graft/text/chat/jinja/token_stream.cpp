#include "graft/text/chat/jinja/token_stream.h"

#include <fmt/format.h>

namespace graft::texts::jinja {

const Token& TokenStream::take() {
  const Token& token = tokens_[at_];
  if (token.kind != Token::Kind::end) ++at_;
  return token;
}

bool TokenStream::skip_sign(std::string_view sign) {
  const bool there = is_sign(sign);
  if (there) take();
  return there;
}

bool TokenStream::skip_word(std::string_view word) {
  const bool there = is_word(word);
  if (there) take();
  return there;
}

void TokenStream::expect_sign(std::string_view sign) {
  if (!skip_sign(sign)) fail_expected(fmt::format("'{}'", sign));
}

void TokenStream::expect_word(std::string_view word) {
  if (!skip_word(word)) fail_expected(fmt::format("'{}'", word));
}

void TokenStream::expect(Token::Kind kind) {
  if (!is(kind)) fail_expected(describe({kind, "", 0}));
  take();
}

std::string TokenStream::expect_name() {
  if (!is(Token::Kind::name)) fail_expected("a name");
  return take().value;
}

void TokenStream::fail(std::string what) const {
  throw SyntaxFailure{std::move(what), line()};
}

void TokenStream::fail_expected(std::string_view what) const {
  fail(fmt::format("expected {}, found {}", what, describe(now())));
}

std::string describe(const Token& token) {
  switch (token.kind) {
    case Token::Kind::data:
      return "text outside of tags";
    case Token::Kind::block_begin:
      return "'{%'";
    case Token::Kind::block_end:
      return "'%}'";
    case Token::Kind::variable_begin:
      return "'{{'";
    case Token::Kind::variable_end:
      return "'}}'";
    case Token::Kind::text:
      return "a text";
    case Token::Kind::end:
      return "the end of the template";
    default:
      return fmt::format("'{}'", token.value);
  }
}

}  // namespace graft::texts::jinja
