#pragma once

#include <functional>
#include <string>
#include <vector>

#include "graft/models/family.h"

/// What the dialects share.
namespace graft::models {

/// The tensors without prefixes that training programs put before all names ("module.", "model.").
io::TensorMap unwrapped(const io::TensorMap& tensors);

/// The tensor, which must be there with `dimensions` of at least one element each; else an error
/// (exit code 3).
const at::Tensor& expect_tensor(const io::TensorMap& tensors, const std::string& name,
                                int64_t dimensions);

/// How many of "<before>0<after>", "<before>1<after>", … are there in a row.
int64_t count_numbered(const io::TensorMap& tensors, const std::string& before,
                       const std::string& after);

/// Refuses (exit code 3) weights whose names are known but whose network is another one.
[[noreturn]] void refuse(const Json& foreign, const std::string& why);

/// Refuses timm models built with one of `arguments`, which change the function but not the names.
void refuse_arguments(const Json& foreign, const std::vector<std::string>& arguments);

/// The first match of `name` with one of the rules, or "".
std::string renamed(const std::string& name, const std::vector<Rename>& rules);

/// What every adopted config has: model_type, architectures, names of the classes (timm's or
/// LABEL_i) when the weights have a head of `classes` rows (< 0: none), and "preprocessor" out of
/// timm's pretrained_cfg or, without one, torchvision's for images of `image_size` pixels.
Json adopted_config(const Json& foreign, const std::string& model_type,
                    const std::string& architecture, int64_t classes, int64_t image_size);

/// What ResNetSettings (resnet_tower.h) reads of a config, off the shapes of a ResNet in
/// torchvision's names below `prefix`. Refuses wide ones and those with groups or another stem.
Json resnet_config(const io::TensorMap& tensors, const std::string& prefix, const Json& foreign);

}  // namespace graft::models
