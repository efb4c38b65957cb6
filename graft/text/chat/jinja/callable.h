#pragma once

#include <functional>
#include <string>

#include "graft/text/chat/jinja/value.h"

namespace graft::texts::jinja {

class Arguments;
class Runtime;

/// A function, macro, or method bound to its object.
struct Callable {
  std::string name;
  std::function<Value(Runtime&, const Arguments&)> call;
  int depth = 1;
};

/// The variable `loop`.
struct LoopState {
  std::shared_ptr<const Sequence> items;
  size_t index = 0;  ///< of the current item
  std::vector<Value> last_changed;
};

Value make_callable(std::string name, std::function<Value(Runtime&, const Arguments&)> call,
                    int depth = 1);

}  // namespace graft::texts::jinja
