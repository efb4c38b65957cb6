#pragma once

#include <string_view>

#include "graft/text/chat/jinja/ast.h"
#include "graft/text/chat/jinja/token.h"

namespace graft::texts::jinja {

/// Throws SyntaxFailure, also for what Jinja2 has and graft does not, and for nesting beyond what
/// templates need. Filters and tests are looked up when they are applied, as Jinja2 does in
/// branches: templates name some that only other programs have.
ast::Template parse(std::string_view source);

}  // namespace graft::texts::jinja
