#include <torch/types.h>

#include <cmath>

#include "graft/models/darknet/files.h"
#include "graft/models/darknet/network.h"
#include "graft/models/darknet/yolo_detector.h"
#include "graft/models/family.h"

namespace graft::models {
namespace {

/// Objects are rare: a new head begins with this share of boxes that hold one (Lin et al. 2017,
/// arXiv:1708.02002).
constexpr double kObjects = 0.01;

/// As Darknet sets its convolutions.
void init(Model& model, const nn::Init& random) {
  const at::NoGradGuard no_grad;
  for (auto& p : model.registry().parameters) {
    if (p.role == nn::Role::weight) {
      const auto fan_in = static_cast<double>(p.value->numel() / p.value->size(0));
      random.uniform(p.name, *p.value, std::sqrt(2 / fan_in));
    } else if (p.role == nn::Role::bias && p.block == model.size() - 1) {
      const int64_t width = kBoxRows + static_cast<int64_t>(model.classes().size());
      p.value->view({-1, width}).select(1, kBoxRows - 1).fill_(std::log(kObjects / (1 - kObjects)));
    }
  }
}

/// Pictures as OpenCV's blobFromImage gives them to such networks.
void complete(Checkpoint& checkpoint) {
  Json& config = checkpoint.config;
  const io::DarknetNet net = io::parse_darknet(darknet_cfg(config), "config.json: cfg");
  if (!config.contains("id2label")) config["num_labels"] = net.classes();
  if (config.contains("preprocessor")) return;
  config["preprocessor"] = {{"image_processor_type", "DarknetImageProcessor"},
                            {"size", {{"height", net.input.height}, {"width", net.input.width}}},
                            {"antialias", false},
                            {"letterbox", net.letter_box}};
}

}  // namespace

Family darknet() {
  Family f;
  f.name = kDarknetFamily;
  f.summary = "YOLO as Darknet's .cfg files describe it: v3, v4, tiny, Fastest";
  f.source = "Redmon and Farhadi 2018, arXiv:1804.02767; Bochkovskiy et al. 2020, arXiv:2004.10934";
  f.model_types = {"darknet"};
  f.architectures = {{Task::boxes, kDarknetArchitecture}};
  f.build = build_darknet;
  f.init = init;
  f.complete = complete;
  f.detector = make_yolo_detector;
  return f;
}

}  // namespace graft::models
