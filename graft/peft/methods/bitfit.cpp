#include "graft/peft/method.h"

namespace graft::peft {

Method bitfit() {
  Method m;
  m.name = "bitfit";
  m.summary = "trains the biases only, those of norms included";
  m.source = "Ben Zaken et al. 2022, arXiv:2106.10199";
  m.selects = [](const nn::Parameter& p, const Options&) {
    return p.role == nn::Role::bias || p.role == nn::Role::norm_bias;
  };
  return m;
}

}  // namespace graft::peft
