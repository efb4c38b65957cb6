#include <torch/types.h>

#include <regex>

#include "graft/base/error.h"
#include "graft/models/dialects.h"
#include "graft/models/dialects/dialect.h"

namespace graft::models {

bool adopt_cifar_resnet(Checkpoint& checkpoint) {
  static const std::regex known(
      R"((conv1\.weight|bn1\.\w+|layer[1-9]\.\d+\.(conv[12]\.weight|bn[12]\.\w+)|linear\.(weight|bias)))");
  constexpr const char* kClasses[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                      "dog",      "frog",       "horse", "ship", "truck"};
  const io::TensorMap tensors = unwrapped(checkpoint.tensors);
  const Json& foreign = checkpoint.config;
  if (!tensors.contains("conv1.weight") || !tensors.contains("layer1.0.conv1.weight") ||
      !tensors.contains("linear.weight")) {
    return false;
  }
  for (const auto& [name, tensor] : tensors) {
    if (!std::regex_match(name, known)) {
      refuse(foreign,
             fmt::format("the CIFAR ResNet with shortcuts of option A has no place for {}", name));
    }
  }
  const at::Tensor& stem = expect_tensor(tensors, "conv1.weight", 4);
  Json widths = Json::array();
  Json depths = Json::array();
  for (int stage = 1; stage <= 9; ++stage) {
    const std::string path = fmt::format("layer{}.", stage);
    const int64_t depth = count_numbered(tensors, path, ".conv1.weight");
    if (depth == 0) break;
    widths.push_back(expect_tensor(tensors, path + "0.conv1.weight", 4).size(0));
    depths.push_back(depth);
  }
  const int64_t classes = expect_tensor(tensors, "linear.weight", 2).size(0);
  Json config =
      adopted_config(foreign, "cifar_resnet", "CifarResNetForImageClassification", classes, 32);
  if (classes == 10) {
    for (size_t i = 0; i < 10; ++i) config["id2label"][std::to_string(i)] = kClasses[i];
  }
  config["num_channels"] = stem.size(1);
  config["hidden_sizes"] = widths;
  config["depths"] = depths;
  config["image_size"] = 32;
  config.erase("preprocessor");  // trained on the whole picture as it is
  checkpoint = {config, tensors};
  return true;
}

}  // namespace graft::models
