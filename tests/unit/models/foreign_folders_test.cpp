#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"
#include "tests/support/support.h"
#include "tests/unit/models/text_case.h"

/// Folders of other programs that look like models that graft reads, and are not, or not quite.
namespace graft::models::test {
namespace {
namespace fs = std::filesystem;

/// A copy of a checkpoint with some keys of its config changed.
class Folder {
 public:
  explicit Folder(const std::string& name, const Json& patch = Json::object()) {
    fs::copy(text_golden_folder() / name, folder_.path(), fs::copy_options::recursive);
    Json config = read_json(folder_ / "config.json");
    config.update(patch);
    write_json(folder_ / "config.json", config);
  }
  LoadedModel load(Task task) const {
    ModelSource source;
    source.path = folder_.path().string();
    source.task = task;
    return load_model(source);
  }
  fs::path operator/(const char* name) const { return folder_ / name; }

 private:
  graft::test::ScratchDir folder_;
};

TEST(ForeignFolders, QuantisedWeightsAreRefused) {
  const Folder named("llama", {{"quantization_config", {{"quant_method", "fp8"}}}});
  EXPECT_GRAFT_ERROR(named.load(Task::next_token), ErrorCode::unreadable, "fp8");
  EXPECT_NO_THROW(Folder("llama", {{"quantization_config", nullptr}}).load(Task::next_token));
  for (const at::ScalarType type : {at::kChar, at::kFloat8_e4m3fn}) {
    const Folder folder("llama");
    io::TensorMap changed;
    for (const auto& [name, tensor] : io::SafetensorsReader(folder / "model.safetensors").all()) {
      const bool one = name == "model.layers.0.self_attn.q_proj.weight";
      changed.add(name, one ? tensor.to(type) : tensor.clone());
    }
    io::write_safetensors(folder / "model.safetensors", changed);
    EXPECT_GRAFT_ERROR(folder.load(Task::next_token), ErrorCode::unreadable, "q_proj.weight");
  }
}

TEST(ForeignFolders, OneOutputIsANumber) {
  // transformers takes it so where nothing else is said.
  const Json one = {{"id2label", {{"0", "LABEL_0"}}}, {"label2id", {{"LABEL_0", 0}}}};
  const Folder folder("bert", one);
  EXPECT_EQ(folder.load(Task::classes).model->problem(), Target::regression);
  Json classes = one;
  classes["problem_type"] = "single_label_classification";
  EXPECT_EQ(Folder("bert", classes).load(Task::classes).model->problem(), Target::single_label);
  EXPECT_EQ(TextCase("bert").model().problem(), Target::single_label);
}

TEST(ForeignFolders, AnAdapterIsNoModel) {
  const Folder folder("bert");
  fs::remove(folder / "config.json");
  write_json(folder / "adapter_config.json", {{"peft_type", "LORA"}});
  EXPECT_GRAFT_ERROR(folder.load(Task::classes), ErrorCode::usage, "adapter of peft");
}

TEST(ForeignFolders, ModernBertKnowsNoLastToken) {
  EXPECT_GRAFT_ERROR(Folder("modernbert", {{"classifier_pooling", "last"}}).load(Task::classes),
                     ErrorCode::usage, "first or mean");
}

}  // namespace
}  // namespace graft::models::test
