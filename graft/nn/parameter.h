#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace graft::nn {

class Seam;
class BatchNorm;
class LinearGroup;

/// What a tensor is to the layer that holds it; methods and optimizers choose by it.
enum class Role { weight, bias, norm_weight, norm_bias, embedding, scale, buffer };

/// A tensor of the model. `value` points into the layer, which never moves.
struct Parameter {
  std::string name;  ///< module path of transformers 5, for instance "vit.layers.0.mlp.fc1.weight"
  at::Tensor* value;
  Role role;
  int block;  ///< index in the chain of blocks
  bool is_buffer() const { return role == Role::buffer; }
};

/// Everything a model holds, in the order of the chain: tensors, seams, batch norms, packed groups.
struct Registry {
  std::vector<Parameter> parameters;
  std::vector<Seam*> seams;
  std::vector<BatchNorm*> batch_norms;
  std::vector<LinearGroup*> groups;

  const Parameter* find(const std::string& name) const;
};

/// Where a layer registers what it holds: a path in the registry, and the block it belongs to.
class Scope {
 public:
  Scope(Registry& registry, std::string path, int block)
      : registry_(&registry), path_(std::move(path)), block_(block) {}
  /// The scope one level below.
  Scope operator/(const std::string& name) const {
    return {*registry_, path_.empty() ? name : path_ + "." + name, block_};
  }
  void add(const std::string& name, at::Tensor& value, Role role) const;
  void add(Seam& seam) const;
  void add(BatchNorm& norm) const;
  void add(LinearGroup& group) const;
  const std::string& path() const { return path_; }
  int block() const { return block_; }

 private:
  Registry* registry_;
  std::string path_;
  int block_;
};

}  // namespace graft::nn
