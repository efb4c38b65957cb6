#include "graft/peft/method.h"

namespace graft::peft {

Method none() {
  Method m;
  m.name = "none";
  m.summary = "trains every weight of the blocks that the strategy trains";
  m.selects = [](const nn::Parameter& p, const Options&) { return !p.is_buffer(); };
  return m;
}

}  // namespace graft::peft
