#include "tests/unit/models/detection_golden.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/safetensors.h"
#include "graft/models/detector.h"
#include "graft/models/load.h"
#include "tests/support/support.h"

namespace graft::models::test {
namespace fs = std::filesystem;

fs::path detection_golden() {
  return graft::test::source_dir() / "tests" / "golden" / "detection_models";
}

void expect_finite_gradients(const Model& model, bool everywhere) {
  for (const auto& p : model.registry().parameters) {
    const at::Tensor& gradient = p.value->grad();
    if (!gradient.defined()) {
      EXPECT_TRUE(p.is_buffer() || !everywhere) << p.name << " has no gradient";
      continue;
    }
    EXPECT_EQ(gradient.scalar_type(), at::kFloat) << p.name;
    EXPECT_TRUE(gradient.isfinite().all().item<bool>()) << p.name;
  }
}

void expect_written_back(const Model& model, const fs::path& folder) {
  const graft::test::ScratchDir scratch;
  save_model(model, scratch.path());
  const io::TensorMap ours = io::SafetensorsReader(scratch / "model.safetensors").all();
  const io::TensorMap theirs = io::SafetensorsReader(folder / "model.safetensors").all();
  EXPECT_EQ(ours.size(), theirs.size());
  for (const auto& [name, tensor] : theirs) {
    ASSERT_TRUE(ours.contains(name)) << name;
    EXPECT_TRUE(ours.at(name).equal(tensor)) << name;
  }
  const Json config = read_json(scratch / "config.json", 1 << 20);
  const Json before = read_json(folder / "config.json", 1 << 20);
  for (const char* key : {"architectures", "model_type", "id2label", "auxiliary_loss"})
    EXPECT_EQ(config.value(key, Json()), before.value(key, Json())) << key;
}

void expect_config_refused(const Json& config, const std::string& says) {
  ModelSource source;
  source.config = config;
  source.task = Task::boxes;
  source.random = true;
  EXPECT_GRAFT_ERROR(make_detector(*load_model(source, {"a"}).model), ErrorCode::unreadable, says);
}

}  // namespace graft::models::test
