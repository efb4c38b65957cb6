#include "graft/base/error.h"

namespace graft::detail {

void assertion_failed(const char* expression, const char* file, int line) {
  throw std::logic_error(fmt::format("internal error: {} does not hold at {}:{}; please report it",
                                     expression, file, line));
}

}  // namespace graft::detail
