#pragma once

#include <string>

#include "graft/text/chat/jinja/value.h"

namespace graft::texts::jinja {

/// `loop.index`, `loop.last`, `loop.previtem`, `loop.cycle(…)` …; `loop` must be a LoopState.
Value loop_attribute(const Value& loop, const std::string& name);

}  // namespace graft::texts::jinja
