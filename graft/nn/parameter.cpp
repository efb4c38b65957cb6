#include "graft/nn/parameter.h"

#include "graft/base/error.h"
#include "graft/nn/norm.h"
#include "graft/nn/seam.h"

namespace graft::nn {

const Parameter* Registry::find(const std::string& name) const {
  for (const auto& parameter : parameters) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

void Scope::add(const std::string& name, at::Tensor& value, Role role) const {
  const std::string full = path_.empty() ? name : path_ + "." + name;
  registry_->parameters.push_back({full, &value, role, block_});
}

void Scope::add(Seam& seam) const {
  registry_->seams.push_back(&seam);
}

void Scope::add(BatchNorm& norm) const {
  registry_->batch_norms.push_back(&norm);
}

void Scope::add(LinearGroup& group) const {
  registry_->groups.push_back(&group);
}

}  // namespace graft::nn
