#include "graft/models/darknet/yolo_detector.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"
#include "graft/models/candidates.h"
#include "graft/models/darknet/network.h"
#include "graft/models/darknet/yolo_loss.h"

namespace graft::models {
namespace {

constexpr float kLargestLog = 16;  // of a side against its anchor: no box is infinite

float sigmoid(float x) {
  return 1 / (1 + std::exp(-x));
}

class YoloDetector final : public Detector {
 public:
  explicit YoloDetector(io::DarknetNet net) : net_(std::move(net)) {
    for (const int y : net_.yolos()) heads_.push_back(net_.layer(y).as<io::DarknetYolo>());
  }

  std::vector<Detections> find(const nn::Flow& end, const DetectOptions& options) const override {
    std::vector<Candidates> candidates;
    for (size_t k = 0; k < heads_.size(); ++k) {
      const at::Tensor map =
          end.at(fmt::format("maps{}", k)).detach().to(at::kCPU, at::kFloat).contiguous();
      candidates.resize(static_cast<size_t>(map.size(0)));
      for (int64_t i = 0; i < map.size(0); ++i)
        collect(*heads_[k], map[i], options.score, candidates[static_cast<size_t>(i)]);
    }
    std::vector<Detections> found;
    found.reserve(candidates.size());
    for (const Candidates& c : candidates)
      found.push_back(c.chosen(options.iou.value_or(kUsualSuppression), options.most));
    return found;
  }

  /// Few of many thousand places learn from an object.
  double rate() const override { return 4; }

  BoxLoss loss(const nn::Flow& end, const std::vector<std::vector<Truth>>& truth) const override {
    std::vector<at::Tensor> maps;
    for (size_t k = 0; k < heads_.size(); ++k) maps.push_back(end.at(fmt::format("maps{}", k)));
    return yolo_loss(maps, heads_, net_.input, truth);
  }

 private:
  /// `map` [anchors x (5 + classes), H, W].
  void collect(const io::DarknetYolo& yolo, const at::Tensor& map, float least,
               Candidates& candidates) const {
    const int64_t height = map.size(1), width = map.size(2), area = height * width;
    const auto step_x = static_cast<float>(net_.input.width) / static_cast<float>(width);
    const auto step_y = static_cast<float>(net_.input.height) / static_cast<float>(height);
    const auto scale = static_cast<float>(yolo.scale_x_y);
    const float* t = map.data_ptr<float>();
    for (const int mask : yolo.mask) {
      const io::Anchor& anchor = yolo.anchors[static_cast<size_t>(mask)];
      for (int64_t cell = 0; cell < area; ++cell) {
        const float objectness = sigmoid(t[4 * area + cell]);
        if (!(objectness > least)) continue;  // no class can be surer
        const auto centre = [&](float shift, int64_t index, float step) {
          const float inside = sigmoid(shift) * scale - 0.5F * (scale - 1);
          return (static_cast<float>(index) + inside) * step;
        };
        const auto side = [&](float log, double length) {
          return std::exp(std::min(log, kLargestLog)) * static_cast<float>(length);
        };
        const float x = centre(t[cell], cell % width, step_x);
        const float y = centre(t[area + cell], cell / width, step_y);
        const float w = side(t[2 * area + cell], anchor.width) / 2;
        const float h = side(t[3 * area + cell], anchor.height) / 2;
        for (int64_t c = 0; c < yolo.classes; ++c) {
          const float score = objectness * sigmoid(t[(5 + c) * area + cell]);
          if (!(score > least)) continue;
          candidates.add({x - w, y - h, x + w, y + h}, score, static_cast<int>(c));
        }
      }
      t += (5 + yolo.classes) * area;
    }
  }

  io::DarknetNet net_;
  std::vector<const io::DarknetYolo*> heads_;
};

}  // namespace

std::unique_ptr<Detector> make_yolo_detector(const Model& model) {
  return std::make_unique<YoloDetector>(darknet_net(model));
}

}  // namespace graft::models
