#include "graft/models/darknet/yolo_loss.h"

#include <torch/types.h>

#include <map>

#include "graft/base/error.h"
#include "graft/models/box_truth.h"
#include "graft/models/darknet/yolo_match.h"
#include "graft/nn/box_overlap.h"

namespace graft::models {
namespace {

constexpr double kUsualBoxWeight = 0.07;  // an iou_normalizer that counts as 1
constexpr double kSomeClass = 0.25;       // sure enough of a class to be spared
constexpr double kLargestLog = 10;        // of a side against its anchor: no box is infinite

nn::Overlap overlap_kind(const std::string& iou_loss) {
  if (iou_loss == "giou") return nn::Overlap::giou;
  if (iou_loss == "diou") return nn::Overlap::diou;
  if (iou_loss == "ciou") return nn::Overlap::ciou;
  return nn::Overlap::iou;
}

/// Where in maps [B, anchors, H, W, …] matches lie, on their device.
struct Places {
  Places(const std::vector<YoloMatch>& matches, const at::Tensor& map) {
    at::Tensor numbers = at::empty({4, static_cast<int64_t>(matches.size())}, at::kLong);
    auto at = numbers.accessor<int64_t, 2>();
    for (int64_t k = 0; k < numbers.size(1); ++k) {
      const YoloMatch& m = matches[static_cast<size_t>(k)];
      at[0][k] = m.picture;
      at[1][k] = m.anchor;
      at[2][k] = m.y;
      at[3][k] = m.x;
    }
    numbers = numbers.to(map.device());
    picture = numbers[0], anchor = numbers[1], y = numbers[2], x = numbers[3];
  }
  /// The rows of a map there.
  at::Tensor of(const at::Tensor& map) const { return map.index({picture, anchor, y, x}); }
  void set(at::Tensor& map, double value) const {
    map.index_put_({picture, anchor, y, x}, map.new_full({}, value));
  }
  /// [N] → [B].
  at::Tensor by_picture(const at::Tensor& costs, int64_t pictures) const {
    return costs.new_zeros({pictures}).index_add(0, picture, costs);
  }
  at::Tensor picture, anchor, y, x;
};

/// One map and what is to be seen in it. Costs are [B].
class MapLoss {
 public:
  MapLoss(const at::Tensor& map, const io::DarknetYolo& yolo, const io::MapShape& input,
          const std::vector<std::vector<Truth>>& truth)
      : yolo_(yolo),
        height_(map.size(2)),
        width_(map.size(3)),
        step_x_(static_cast<double>(input.width) / static_cast<double>(width_)),
        step_y_(static_cast<double>(input.height) / static_cast<double>(height_)),
        whole_(static_cast<double>(input.width) * static_cast<double>(input.height)),
        t_(map.view({map.size(0), static_cast<int64_t>(yolo.mask.size()), 5 + yolo.classes, height_,
                     width_})
               .permute({0, 1, 3, 4, 2})),
        truth_(truth),
        matches_(match_yolo(yolo, input, height_, width_, truth)),
        places_(matches_, t_) {}

  int64_t matched() const { return static_cast<int64_t>(matches_.size()); }

  at::Tensor box() const {
    at::Tensor table = at::empty({matched(), 7}, at::kDouble);
    auto at = table.accessor<double, 2>();
    for (int64_t k = 0; k < matched(); ++k) {
      const YoloMatch& m = matches_[static_cast<size_t>(k)];
      const io::Anchor& anchor = anchor_at(m.anchor);
      const double row[] = {m.box.x0,     m.box.y0,      m.box.x1, m.box.y1,
                            anchor.width, anchor.height, m.weight};
      for (int64_t c = 0; c < 7; ++c) at[k][c] = row[c];
    }
    table = table.to(t_);
    const at::Tensor rows = places_.of(t_);
    const at::Tensor truth = table.slice(1, 0, 4);
    const at::Tensor anchors = table.slice(1, 4, 6);
    const at::Tensor costs =
        yolo_.iou_loss == "mse" ? squared(rows, truth, anchors) : overlapping(rows, truth, anchors);
    return places_.by_picture(costs * table.select(1, 6), t_.size(0));
  }

  at::Tensor objectness() const {
    const at::Tensor t = t_.select(-1, 4);
    at::Tensor wanted = at::zeros_like(t);
    at::Tensor asked = at::ones_like(t);
    spare(asked);
    places_.set(wanted, 1);
    places_.set(asked, 1);
    return (cross_entropy(t, wanted) * asked).sum({1, 2, 3}) * yolo_.obj_normalizer;
  }

  at::Tensor classes() const {
    // A place with several objects has all their classes.
    std::map<decltype(matches_[0].place()), int64_t> rows;
    std::vector<YoloMatch> first;
    for (const YoloMatch& m : matches_) {
      if (rows.emplace(m.place(), static_cast<int64_t>(rows.size())).second) first.push_back(m);
    }
    at::Tensor wanted = at::zeros({static_cast<int64_t>(first.size()), yolo_.classes}, at::kDouble);
    auto at = wanted.accessor<double, 2>();
    for (const YoloMatch& m : matches_) at[rows[m.place()]][m.label] = 1;
    const double smooth = yolo_.label_smooth_eps;
    wanted = (wanted * (1 - smooth) + smooth / 2).to(t_);
    const Places places(first, t_);
    const at::Tensor costs = cross_entropy(places.of(t_).slice(1, 5), wanted).sum(1);
    return places.by_picture(costs, t_.size(0)) * yolo_.cls_normalizer;
  }

 private:
  static at::Tensor cross_entropy(const at::Tensor& t, const at::Tensor& wanted) {
    return at::binary_cross_entropy_with_logits(t, wanted, {}, {}, at::Reduction::None);
  }

  const io::Anchor& anchor_at(int64_t position) const {
    return yolo_.anchors[static_cast<size_t>(yolo_.mask[static_cast<size_t>(position)])];
  }

  /// Corners in pixels of the boxes that outputs t [..., 4 or more] say, in cells x, y and with
  /// `anchors` [..., 2], which broadcast.
  at::Tensor boxes(const at::Tensor& t, const at::Tensor& x, const at::Tensor& y,
                   const at::Tensor& anchors) const {
    const auto centre = [&](int64_t column, const at::Tensor& cell, double step) {
      const at::Tensor inside =
          at::sigmoid(t.select(-1, column)) * yolo_.scale_x_y - 0.5 * (yolo_.scale_x_y - 1);
      return (inside + cell) * step;
    };
    const at::Tensor cx = centre(0, x, step_x_), cy = centre(1, y, step_y_);
    const at::Tensor half = t.slice(-1, 2, 4).clamp(-kLargestLog, kLargestLog).exp() * anchors / 2;
    const at::Tensor w = half.select(-1, 0), h = half.select(-1, 1);
    return at::stack({cx - w, cy - h, cx + w, cy + h}, -1);
  }

  at::Tensor overlapping(const at::Tensor& rows, const at::Tensor& truth,
                         const at::Tensor& anchors) const {
    const at::Tensor found = boxes(rows, places_.x, places_.y, anchors);
    return (1 - nn::overlap(found, truth, overlap_kind(yolo_.iou_loss))) *
           (yolo_.iou_normalizer / kUsualBoxWeight);
  }

  at::Tensor squared(const at::Tensor& rows, const at::Tensor& truth,
                     const at::Tensor& anchors) const {
    // What the sigmoid should say.
    const auto place = [&](int64_t side, const at::Tensor& cell, double step) {
      const at::Tensor centre = (truth.select(1, side) + truth.select(1, side + 2)) / 2 / step;
      return ((centre - cell + 0.5 * (yolo_.scale_x_y - 1)) / yolo_.scale_x_y).clamp(0, 1);
    };
    const at::Tensor sides = truth.slice(1, 2, 4) - truth.slice(1, 0, 2);
    const at::Tensor costs = cross_entropy(rows.select(1, 0), place(0, places_.x, step_x_)) +
                             cross_entropy(rows.select(1, 1), place(1, places_.y, step_y_)) +
                             (rows.slice(1, 2, 4) - (sides / anchors).log()).square().sum(1) / 2;
    return costs * (2 - sides.prod(1) / whole_) * yolo_.iou_normalizer;
  }

  /// Sets to 0 what need not be empty: boxes on an object that say some class.
  void spare(at::Tensor& asked) const {
    const at::NoGradGuard no_grad;
    const at::Tensor t = t_.detach();
    std::vector<double> sides;
    for (size_t a = 0; a < yolo_.mask.size(); ++a) {
      const io::Anchor& anchor = anchor_at(static_cast<int64_t>(a));
      sides.insert(sides.end(), {anchor.width, anchor.height});
    }
    const at::Tensor anchors = at::tensor(sides, at::kDouble).to(t).view({-1, 1, 1, 2});
    const at::Tensor x = at::arange(width_, t.options());
    const at::Tensor y = at::arange(height_, t.options()).unsqueeze(1);
    const at::Tensor sure = at::sigmoid(t.slice(-1, 5).amax(-1)) > kSomeClass;
    for (size_t i = 0; i < truth_.size(); ++i) {
      if (truth_[i].empty()) continue;
      std::vector<double> corners;
      for (const Truth& one : truth_[i])
        corners.insert(corners.end(), {one.box.x0, one.box.y0, one.box.x1, one.box.y1});
      const at::Tensor there = at::tensor(corners, at::kDouble).to(t).view({-1, 4});
      const auto picture = static_cast<int64_t>(i);
      const at::Tensor found = boxes(t[picture], x, y, anchors).reshape({-1, 4});
      const at::Tensor on_one = nn::pairwise_iou(found, there).amax(1) > yolo_.ignore_thresh;
      asked[picture].masked_fill_(on_one.view_as(sure[picture]) & sure[picture], 0);
    }
  }

  const io::DarknetYolo& yolo_;
  int64_t height_, width_;
  double step_x_, step_y_;  // pixels of the input a cell
  double whole_;            // pixels of the input
  at::Tensor t_;            // [B, anchors, H, W, 5 + classes]
  const std::vector<std::vector<Truth>>& truth_;
  std::vector<YoloMatch> matches_;
  Places places_;
};

}  // namespace

BoxLoss yolo_loss(const std::vector<at::Tensor>& maps,
                  const std::vector<const io::DarknetYolo*>& heads, const io::MapShape& input,
                  const std::vector<std::vector<Truth>>& truth) {
  GRAFT_ASSERT(!maps.empty() && maps.size() == heads.size() &&
               maps[0].size(0) == static_cast<int64_t>(truth.size()));
  for (const io::DarknetYolo* yolo : heads) {
    if (!yolo->not_learned.empty())
      fail_usage("the cfg's [yolo] has {}, which graft does not train with; remove it from the cfg",
                 yolo->not_learned.front());
  }
  BoxLoss loss;
  const auto there =
      usable_truth(truth, {static_cast<int>(input.width), static_cast<int>(input.height)},
                   heads[0]->classes, loss.skipped);
  for (size_t k = 0; k < maps.size(); ++k) {
    const bool narrow = at::isReducedFloatingType(maps[k].scalar_type());
    const at::Tensor map = narrow ? maps[k].to(at::kFloat) : maps[k];
    const MapLoss one(map.contiguous(), *heads[k], input, there);
    const auto add = [](at::Tensor& sum, const at::Tensor& part) {
      sum = sum.defined() ? sum + part : part;
    };
    const at::Tensor box = one.box(), objectness = one.objectness(), classes = one.classes();
    add(loss.total, box + objectness + classes);
    add(loss.box, box.detach());
    add(loss.objectness, objectness.detach());
    add(loss.classes, classes.detach());
    loss.matched += one.matched();
  }
  return loss;
}

}  // namespace graft::models
