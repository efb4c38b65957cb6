#include "tests/unit/models/text_case.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/io/safetensors.h"
#include "tests/support/support.h"

namespace graft::models::test {

TextCase::TextCase(const std::string& name, Task task, const Json& overrides)
    : tensors(io::SafetensorsReader(text_golden_folder() / name / "golden.safetensors").all()) {
  ModelSource source;
  source.path = (text_golden_folder() / name).string();
  source.task = task;
  source.config = overrides;
  loaded = load_model(source);
}

at::Tensor TextCase::forward(const std::string& prefix) const {
  nn::Context context;
  return model().forward(text_flow(tensors, prefix), context).at("logits");
}

at::Tensor TextCase::loss() const {
  if (model().task() == Task::classes)
    return at::cross_entropy_loss(forward(), tensors.at("labels"));
  if (model().task() != Task::masked_token)
    return at::cross_entropy_loss(forward(), wanted(), {}, at::Reduction::Mean, -100);
  // As training does it: no logits.
  nn::Flow flow = text_flow(tensors);
  flow["targets"] = wanted();
  nn::Context context;
  const nn::Flow result = model().forward(std::move(flow), context);
  EXPECT_FALSE(result.has("logits"));
  return result.at("loss") / result.at("texts").select(1, 1).sum();
}

at::Tensor TextCase::wanted() const {
  at::Tensor labels = tensors.at("labels");
  if (model().task() == Task::next_token)
    labels = at::constant_pad_nd(labels.narrow(1, 1, labels.size(1) - 1), {0, 1}, -100);
  return labels.masked_select(tensors.at("attention_mask").to(at::kBool));
}

at::Tensor TextCase::real(const std::string& prefix, const std::string& name) const {
  const at::Tensor mask = tensors.at(prefix + "attention_mask").to(at::kBool);
  const at::Tensor& padded = tensors.at(prefix + name);
  return padded.masked_select(mask.unsqueeze(2)).view({-1, padded.size(2)});
}

/// GPT-2's files and modules have weights as [in, out], graft as all others. DeBERTa's convolution
/// over a line is one over a picture of height 1.
at::Tensor as_here(const TextCase& c, const std::string& name, const at::Tensor& theirs) {
  const bool turned =
      c.model().family() == "gpt2" && theirs.dim() == 2 && name.find(".c_") != std::string::npos;
  if (theirs.dim() == 3) return theirs.unsqueeze(2);
  return turned ? theirs.t() : theirs;
}

void expect_loss_and_gradients(const TextCase& c) {
  set_trained(c.model(), true);
  const at::Tensor loss = c.loss();
  EXPECT_NEAR(loss.item<double>(), c.tensors.at("loss").item<double>(), kTolerance);
  loss.backward();
  size_t compared = 0;
  for (const auto& p : c.model().registry().parameters) {
    const at::Tensor* found = c.tensors.find("grad." + p.name);
    if (!found) continue;
    const at::Tensor expected = as_here(c, p.name, *found);
    ASSERT_TRUE(p.value->grad().defined()) << p.name;
    EXPECT_LT((p.value->grad() - expected).norm().item<double>(),
              kTolerance * expected.norm().item<double>() + 1e-6)
        << p.name;
    ++compared;
  }
  EXPECT_EQ(compared, static_cast<size_t>(std::count_if(
                          c.tensors.begin(), c.tensors.end(),
                          [](const auto& item) { return item.first.starts_with("grad."); })));
}

void expect_losses(const TextCase& c, bool in_double) {
  if (in_double) to_double(c.model());
  set_trained(c.model(), true);
  AdamW optimizer(c.model());
  for (int64_t i = 0; i < 10; ++i) {
    const at::Tensor loss = c.loss();
    const double allowed =
        in_double ? 1e-8 : c.tensors.at("tolerance.train_loss")[i].item<double>();
    EXPECT_NEAR(loss.item<double>(), c.tensors.at("train_loss")[i].item<double>(), allowed)
        << "step " << i;
    loss.backward();
    optimizer.step();
  }
}

void expect_saved_as_read(const TextCase& c, const std::string& name,
                          const std::vector<std::string>& left) {
  const graft::test::ScratchDir folder;
  save_model(c.model(), folder.path());
  const io::TensorMap saved = io::SafetensorsReader(folder / "model.safetensors").all();
  const io::TensorMap read =
      io::SafetensorsReader(text_golden_folder() / name / "model.safetensors").all();
  EXPECT_EQ(saved.size() + left.size(), read.size());
  for (const auto& [tensor_name, tensor] : read) {
    if (std::ranges::find(left, tensor_name) != left.end()) continue;
    ASSERT_TRUE(saved.contains(tensor_name)) << tensor_name;
    EXPECT_TRUE(at::equal(saved.at(tensor_name), tensor)) << tensor_name;
  }
  const Json config = read_json(folder / "config.json");
  const Json was = read_json(text_golden_folder() / name / "config.json");
  if (config["model_type"] == was["model_type"]) {  // XLM-RoBERTa is written as RoBERTa
    EXPECT_EQ(config["architectures"], was["architectures"]);
  }
}

}  // namespace graft::models::test
