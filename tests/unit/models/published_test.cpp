#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/base/files.h"
#include "graft/io/safetensors.h"
#include "tests/unit/models/golden.h"

/// Published sizes: the shapes that transformers builds from their configs, and its logits with
/// weights that a formula gives (make_models.py, make_filled).
namespace graft::models::test {
namespace {

TEST(Published, ShapesOfConfigs) {
  const Json cases = read_json(golden_folder() / "shapes.json");
  EXPECT_GE(cases.size(), 11u);
  for (const auto& [name, expected] : cases.items()) {
    Json config = expected["config"];
    config["num_labels"] = expected["num_labels"];
    Model model("", config);
    const Family& family = family_of(config["model_type"], name);
    family.build(model, expected["num_labels"].get<int64_t>());
    int64_t total = 0;
    size_t shaped = 0;
    for (const auto& p : model.registry().parameters) {
      const bool mask = p.name.ends_with("mask_token");
      if (p.is_buffer() && !mask) continue;
      total += p.value->numel();
      if (p.value->dim() < 2) continue;
      ++shaped;
      ASSERT_TRUE(expected["parameters"].contains(p.name)) << name << ": " << p.name;
      EXPECT_EQ(expected["parameters"][p.name].get<std::vector<int64_t>>(), p.value->sizes().vec())
          << name << ": " << p.name;
    }
    EXPECT_EQ(shaped, expected["parameters"].size()) << name;
    EXPECT_EQ(total, expected["total"].get<int64_t>()) << name;
  }
}

/// Element i of a tensor with this key, in [0, 1): the same formula as fill_values in Python.
at::Tensor fill_values(at::IntArrayRef shape, uint32_t key) {
  at::Tensor values = at::empty(shape, at::kDouble);
  double* out = values.data_ptr<double>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    uint32_t x = static_cast<uint32_t>(i) * 2654435761U + key * 40503U + 12345U;
    x ^= x >> 16;
    x *= 2246822519U;
    x ^= x >> 13;
    out[i] = static_cast<double>(x >> 8) / (1 << 24);
  }
  return values;
}

void fill(Model& model) {
  const at::NoGradGuard no_grad;
  std::vector<nn::Parameter> sorted = model.registry().parameters;
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  for (size_t key = 0; key < sorted.size(); ++key) {
    at::Tensor& t = *sorted[key].value;
    const std::string leaf = sorted[key].name.substr(sorted[key].name.rfind('.') + 1);
    if (leaf == "num_batches_tracked") {
      t.fill_(0);
      continue;
    }
    const at::Tensor u = fill_values(t.sizes(), static_cast<uint32_t>(key));
    if (leaf == "bias" || leaf == "running_mean") {
      t.copy_(0.2 * (2 * u - 1));
    } else if (leaf.ends_with("token") || leaf == "position_embeddings") {
      t.copy_(0.5 * (2 * u - 1));
    } else if (t.dim() <= 1) {
      t.copy_(0.5 + u);
    } else {
      const auto fan_in = static_cast<double>(t[0].numel());
      t.copy_((2 * u - 1) * std::sqrt(3 / fan_in));
    }
  }
}

TEST(Published, LogitsOfWholeNetworks) {
  const Json cases = read_json(golden_folder() / "filled.json");
  const io::SafetensorsReader expected(golden_folder() / "filled.safetensors");
  EXPECT_GE(cases.size(), 7u);
  const at::NoGradGuard no_grad;
  for (const auto& [name, one] : cases.items()) {
    const Json& config = one["config"];
    Model model("", config);
    family_of(config["model_type"], name)
        .build(model, static_cast<int64_t>(config["id2label"].size()));
    fill(model);
    const int64_t size = one["size"].get<int64_t>();
    const at::Tensor pixels = (2 * fill_values({2, 3, size, size}, 1000000) - 1).to(at::kFloat);
    const at::Tensor out = logits(model, pixels);
    const at::Tensor want = expected.tensor(name + ".logits");
    EXPECT_LT(relative_difference(out, want), 1e-4) << name;
  }
}

}  // namespace
}  // namespace graft::models::test
