#include "graft/peft/method.h"

namespace graft::peft {

Method norm() {
  Method m;
  m.name = "norm";
  m.summary = "trains weight and bias of the normalisation layers only";
  m.source = "Frankle et al. 2021, arXiv:2003.00152; Basu et al. 2024, arXiv:2304.09034";
  m.selects = [](const nn::Parameter& p, const Options&) {
    return p.role == nn::Role::norm_weight || p.role == nn::Role::norm_bias;
  };
  return m;
}

}  // namespace graft::peft
