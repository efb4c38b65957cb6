#include "graft/models/task_head.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/models/family.h"

namespace graft::models {
namespace {

constexpr double kSmallestLength = 1e-12;  // as torch.nn.functional.normalize has it

FinishRows embedding_of(bool normalize) {
  return [normalize](const at::Tensor& pooled) {
    const bool narrow = at::isReducedFloatingType(pooled.scalar_type());
    const at::Tensor x = narrow ? pooled.to(at::kFloat) : pooled;
    return normalize ? x / x.norm(2, {1}, true).clamp_min(kSmallestLength) : x;
  };
}

}  // namespace

TowerEnd tower_end(Model& model, Pooling usual, FinishRows finish, bool picks) {
  Json& c = model.config();
  TowerEnd end;
  end.finish = std::move(finish);
  end.picks = picks;
  switch (model.task()) {
    case Task::classes:
      end.pooling = pooling_of(c, usual);
      break;
    case Task::embedding:
      end.pooling = pooling_of(c, usual == Pooling::first ? Pooling::mean : usual);
      c[kPoolingKey] = pooling_name(*end.pooling);
      end.pooled = embedding_of(config_flag(c, kNormalizeKey, false));
      break;
    case Task::next_token:
    case Task::masked_token:
    case Task::token_classes:
    case Task::boxes:
      break;
  }
  return end;
}

std::map<Task, std::string> encoder_architectures(const std::string& prefix) {
  return usual_architectures(
      prefix, {Task::classes, Task::masked_token, Task::token_classes, Task::embedding});
}

std::vector<Rename> old_norm_names() {
  return {{"LayerNorm\\.gamma$", "LayerNorm.weight"}, {"LayerNorm\\.beta$", "LayerNorm.bias"}};
}

void add_head(Model& model, const std::map<Task, std::function<void()>>& heads) {
  if (model.task() == Task::embedding) return;
  const auto found = heads.find(model.task());
  GRAFT_ASSERT(found != heads.end());
  found->second();
}

}  // namespace graft::models
