#include "graft/models/rcnn/dense_detector.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/models/box_truth.h"
#include "graft/models/candidates.h"
#include "graft/models/detr/set_loss.h"
#include "graft/models/rcnn/box_coder.h"
#include "graft/models/rcnn/settings.h"

namespace graft::models {
namespace {

const FocalRule kFocal{0.25, 2};  // alpha, gamma

class DenseDetector final : public Detector {
 public:
  DenseDetector(const RetinaNetSettings& settings, image::Dimensions input, int64_t classes)
      : settings_(settings), input_(input), classes_(classes) {
    const size_t maps = settings.anchors.sizes.size();
    by_map_ = make_anchors(settings.anchors, input,
                           pyramid_sizes(input, RetinaNetSettings::kStride, maps));
    anchors_ = at::cat(by_map_);
  }

  std::vector<Detections> find(const nn::Flow& end, const DetectOptions& options) const override {
    const at::NoGradGuard no_grad;
    const at::Tensor scores = end.at("logits").to(at::kCPU, at::kFloat).sigmoid();
    const at::Tensor offsets = end.at("offsets").to(at::kCPU, at::kFloat);
    std::vector<Detections> found;
    for (int64_t i = 0; i < scores.size(0); ++i) {
      Candidates candidates;
      int64_t first = 0;
      for (const at::Tensor& anchors : by_map_) {
        const int64_t count = anchors.size(0);
        collect(scores[i].narrow(0, first, count), offsets[i].narrow(0, first, count), anchors,
                options.score, candidates);
        first += count;
      }
      found.push_back(
          candidates.chosen(options.iou.value_or(static_cast<float>(settings_.nms)), options.most));
    }
    return found;
  }

  BoxLoss loss(const nn::Flow& end, const std::vector<std::vector<Truth>>& truth) const override {
    const at::Tensor &logits = end.at("logits"), &offsets = end.at("offsets");
    GRAFT_ASSERT(logits.size(0) == static_cast<int64_t>(truth.size()) &&
                 logits.size(1) == anchors_.size(0));
    BoxLoss loss;
    const auto there = usable_truth(truth, input_, classes_, loss.skipped);
    const at::Tensor anchors = anchors_.to(logits.device());
    std::vector<at::Tensor> box, classes;
    for (int64_t i = 0; i < logits.size(0); ++i) {
      const Objects objects = objects_of(there[static_cast<size_t>(i)], logits.device());
      const at::Tensor matches = match_boxes(objects, anchors, settings_.match);
      const at::Tensor places = (matches >= 0).nonzero().flatten();
      const at::Tensor whose = matches.index_select(0, places);
      const auto share = static_cast<double>(std::max<int64_t>(places.size(0), 1));
      const at::Tensor labels = at::full_like(matches, classes_)
                                    .index_copy(0, places, objects.labels.index_select(0, whose));
      const at::Tensor asked = (matches != kUndecided).nonzero().flatten();
      classes.push_back(focal_loss(logits[i].index_select(0, asked).unsqueeze(0),
                                   labels.index_select(0, asked).unsqueeze(0), kFocal)
                            .squeeze(0) /
                        share);
      const at::Tensor offset =
          BoxCoder().encode(objects.boxes.index_select(0, whose), anchors.index_select(0, places));
      const at::Tensor said = offsets[i].index_select(0, places);
      box.push_back((said - offset.to(said.scalar_type())).abs().sum() / share);
      loss.matched += places.size(0);
    }
    const at::Tensor boxes = at::stack(box), kinds = at::stack(classes);
    loss.total = boxes + kinds;
    loss.box = boxes.detach();
    loss.classes = kinds.detach();
    loss.objectness = at::zeros_like(loss.box);
    return loss;
  }

 private:
  /// The best of one map; `scores` [A, classes].
  void collect(const at::Tensor& scores, const at::Tensor& offsets, const at::Tensor& anchors,
               float least, Candidates& candidates) const {
    const at::Tensor flat = scores.flatten();
    at::Tensor places = (flat > least).nonzero().flatten();
    const auto [best, order] =
        flat.index_select(0, places).topk(std::min(places.size(0), settings_.candidates));
    places = places.index_select(0, order);
    const at::Tensor rows = places.div(classes_, "floor");
    const at::Tensor boxes = cut_at_borders(BoxCoder().decode(offsets.index_select(0, rows),
                                                              anchors.index_select(0, rows)),
                                            input_.height, input_.width)
                                 .contiguous();
    const float* b = boxes.data_ptr<float>();
    for (int64_t i = 0; i < places.size(0); ++i, b += 4)
      candidates.add({b[0], b[1], b[2], b[3]}, best.data_ptr<float>()[i],
                     static_cast<int>(places.data_ptr<int64_t>()[i] % classes_));
  }

  RetinaNetSettings settings_;
  image::Dimensions input_;
  int64_t classes_;
  std::vector<at::Tensor> by_map_;
  at::Tensor anchors_;
};

}  // namespace

std::unique_ptr<Detector> make_dense_detector(const Model& model) {
  return std::make_unique<DenseDetector>(RetinaNetSettings(model.config()), pyramid_input(model),
                                         static_cast<int64_t>(model.classes().size()));
}

}  // namespace graft::models
