#pragma once

#include <string_view>

#include "graft/text/chat/jinja/runtime.h"

namespace graft::texts::jinja {

/// `a + b` and the other arithmetic of Python: + - * / // % **. A Failure for types that do not fit
/// and for integers beyond 64 bits.
Value binary(Runtime& runtime, std::string_view sign, const Value& a, const Value& b);
/// `-a`, `+a`.
Value negated(const Value& a, bool minus);

}  // namespace graft::texts::jinja
