#include "graft/models/rcnn/region_detector.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/models/box_truth.h"
#include "graft/models/candidates.h"
#include "graft/models/rcnn/proposals.h"

namespace graft::models {
namespace {

constexpr double kBeta = 1.0 / 9;       // where the smooth L1 distance turns from squares to lines
constexpr float kSmallestSide = 1e-2F;  // of a detection, in pixels

/// The smooth L1 distance, all in all.
at::Tensor distance(const at::Tensor& a, const at::Tensor& b) {
  return at::smooth_l1_loss(a, b, at::Reduction::Sum, kBeta);
}

/// What one picture costs.
struct Parts {
  at::Tensor anchor_box, objectness, region_box, classes;
};

class RegionDetector final : public Detector {
 public:
  RegionDetector(const FasterRcnnSettings& settings, image::Dimensions input, int64_t classes)
      : settings_(settings), input_(input), classes_(classes), coder_{settings.region_weights} {
    const size_t maps = settings.anchors.sizes.size();
    anchors_ = at::cat(make_anchors(settings.anchors, input,
                                    pyramid_sizes(input, FasterRcnnSettings::kStride, maps)));
  }

  std::vector<Detections> find(const nn::Flow& end, const DetectOptions& options) const override {
    const at::NoGradGuard no_grad;
    const at::Tensor regions = end.at("regions"), counts = end.at("counts").to(at::kCPU);
    const at::Tensor scores = end.at("logits").to(at::kFloat).softmax(-1).to(at::kCPU).contiguous();
    const at::Tensor boxes = cut_at_borders(coder_.decode(by_class(end.at("shifts")).to(at::kFloat),
                                                          regions.unsqueeze(2)),
                                            input_.height, input_.width)
                                 .to(at::kCPU)
                                 .contiguous();
    std::vector<Detections> found;
    for (int64_t i = 0; i < regions.size(0); ++i) {
      Candidates candidates;
      const int64_t rows = counts[i].item<int64_t>() * (classes_ + 1);
      const float* score = scores[i].data_ptr<float>();
      const float* box = boxes[i].data_ptr<float>();
      for (int64_t row = 0; row < rows; ++row, box += 4) {
        const int64_t row_class = row % (classes_ + 1);  // 0: nothing
        if (row_class == 0 || !(score[row] > options.score)) continue;
        const image::Box there{box[0], box[1], box[2], box[3]};
        if (there.width() >= kSmallestSide && there.height() >= kSmallestSide)
          candidates.add(there, score[row], static_cast<int>(row_class) - 1);
      }
      found.push_back(
          candidates.chosen(options.iou.value_or(static_cast<float>(settings_.nms)), options.most));
    }
    return found;
  }

  BoxLoss loss(const nn::Flow& end, const std::vector<std::vector<Truth>>& truth) const override {
    const int64_t pictures = end.at("objectness").size(0);
    GRAFT_ASSERT(pictures == static_cast<int64_t>(truth.size()));
    BoxLoss loss;
    const auto there = usable_truth(truth, input_, classes_, loss.skipped);
    std::vector<at::Tensor> box, objectness, classes;
    for (int64_t i = 0; i < pictures; ++i) {
      const Objects objects =
          objects_of(there[static_cast<size_t>(i)], end.at("objectness").device());
      Parts parts;
      of_anchors(end, i, objects, parts, loss.matched);
      of_regions(end, i, objects, parts, loss.matched);
      box.push_back(parts.anchor_box + parts.region_box);
      objectness.push_back(parts.objectness);
      classes.push_back(parts.classes);
    }
    const at::Tensor boxes = at::stack(box), objects = at::stack(objectness),
                     kinds = at::stack(classes);
    loss.total = boxes + objects + kinds;
    loss.box = boxes.detach();
    loss.objectness = objects.detach();
    loss.classes = kinds.detach();
    return loss;
  }

 private:
  /// [B, R, classes x 4] → [B, R, classes, 4].
  static at::Tensor by_class(const at::Tensor& shifts) {
    return shifts.view({shifts.size(0), shifts.size(1), -1, 4});
  }

  void of_anchors(const nn::Flow& end, int64_t picture, const Objects& objects, Parts& parts,
                  int64_t& matched) const {
    const at::Tensor objectness = end.at("objectness")[picture];
    const at::Tensor offsets = end.at("offsets")[picture];
    GRAFT_ASSERT(objectness.size(0) == anchors_.size(0));
    const at::Tensor anchors = anchors_.to(objectness.device());
    const at::Tensor matches = match_boxes(objects, anchors, settings_.anchor_match);
    const at::Tensor drawn =
        (end.has("drawn") ? end.at("drawn")[picture]
                          : draw_boxes(matches, settings_.anchor_draw, settled_generator()))
            .nonzero()
            .flatten();
    const at::Tensor chosen = matches.index_select(0, drawn);
    const auto count = static_cast<double>(std::max<int64_t>(drawn.size(0), 1));
    parts.objectness = at::binary_cross_entropy_with_logits(objectness.index_select(0, drawn),
                                                            (chosen >= 0).to(objectness), {}, {},
                                                            at::Reduction::Sum) /
                       count;
    const at::Tensor rows = (chosen >= 0).nonzero().flatten();
    const at::Tensor places = drawn.index_select(0, rows);
    const at::Tensor wanted =
        BoxCoder().encode(objects.boxes.index_select(0, chosen.index_select(0, rows)),
                          anchors.index_select(0, places));
    parts.anchor_box =
        distance(offsets.index_select(0, places), wanted.to(offsets.scalar_type())) / count;
    matched += rows.size(0);
  }

  void of_regions(const nn::Flow& end, int64_t picture, const Objects& objects, Parts& parts,
                  int64_t& matched) const {
    const int64_t count = end.at("counts")[picture].item<int64_t>();
    const auto of_picture = [&](const at::Tensor& t) { return t[picture].narrow(0, 0, count); };
    const at::Tensor regions = of_picture(end.at("regions"));
    const at::Tensor matches = match_boxes(objects, regions, settings_.region_match);
    // Regions that were drawn already are all drawn again.
    const at::Tensor drawn =
        draw_boxes(matches, settings_.region_draw, settled_generator()).nonzero().flatten();
    const auto share = static_cast<double>(std::max<int64_t>(drawn.size(0), 1));
    const at::Tensor chosen = matches.index_select(0, drawn);
    const at::Tensor rows = (chosen >= 0).nonzero().flatten();
    const at::Tensor whose = chosen.index_select(0, rows);
    const at::Tensor classes = objects.labels.index_select(0, whose) + 1;
    const at::Tensor wanted =
        at::zeros({drawn.size(0)}, objects.labels.options()).index_copy(0, rows, classes);
    parts.classes = at::cross_entropy_loss(of_picture(end.at("logits")).index_select(0, drawn),
                                           wanted, {}, at::Reduction::Sum) /
                    share;
    const at::Tensor places = drawn.index_select(0, rows);
    const at::Tensor shifts = of_picture(by_class(end.at("shifts")));
    const at::Tensor said = shifts.index({places, classes});
    const at::Tensor there =
        coder_.encode(objects.boxes.index_select(0, whose), regions.index_select(0, places));
    parts.region_box = distance(said, there.to(said.scalar_type())) / share;
    matched += rows.size(0);
  }

  FasterRcnnSettings settings_;
  image::Dimensions input_;
  int64_t classes_;
  BoxCoder coder_;
  at::Tensor anchors_;
};

}  // namespace

std::unique_ptr<Detector> make_region_detector(const Model& model) {
  return std::make_unique<RegionDetector>(FasterRcnnSettings(model.config()), pyramid_input(model),
                                          static_cast<int64_t>(model.classes().size()));
}

}  // namespace graft::models
