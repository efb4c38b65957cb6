#include "graft/models/darknet/yolo_loss.h"

#include <torch/types.h>

#include <map>

#include "graft/base/error.h"
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

/// One map and what is to be seen in it.
class MapLoss {
 public:
  MapLoss(const at::Tensor& map, const io::DarknetYolo& yolo, const io::MapShape& input,
          const std::vector<std::vector<Truth>>& truth)
      : yolo_(yolo),
        input_(input),
        height_(map.size(2)),
        width_(map.size(3)),
        t_(map.view({map.size(0), static_cast<int64_t>(yolo.mask.size()), 5 + yolo.classes, height_,
                     width_})
               .permute({0, 1, 3, 4, 2})),
        truth_(truth),
        matches_(match_yolo(yolo, input, height_, width_, truth)) {}

  int64_t matched() const { return static_cast<int64_t>(matches_.size()); }

  /// [B], as the others.
  at::Tensor box() const {
    if (matches_.empty()) return t_.new_zeros({t_.size(0)});
    const at::Tensor rows = t_.index({indices(&YoloMatch::picture), indices(&YoloMatch::anchor),
                                      indices(&YoloMatch::y), indices(&YoloMatch::x)});
    const at::Tensor truth = boxes_of_matches();
    const at::Tensor weights = doubles([](const YoloMatch& m) { return m.weight; });
    const at::Tensor costs =
        yolo_.iou_loss == "mse" ? squared(rows, truth) : overlapping(rows, truth);
    return by_picture(costs * weights);
  }

  at::Tensor objectness() const {
    const at::Tensor t = t_.select(-1, 4);
    at::Tensor wanted = at::zeros_like(t);
    at::Tensor asked = at::ones_like(t);
    spare(asked);
    if (!matches_.empty()) {
      const c10::List<std::optional<at::Tensor>> places = {
          indices(&YoloMatch::picture), indices(&YoloMatch::anchor), indices(&YoloMatch::y),
          indices(&YoloMatch::x)};
      const at::Tensor one = t.new_ones({});
      wanted.index_put_(places, one);
      asked.index_put_(places, one);
    }
    const at::Tensor costs =
        at::binary_cross_entropy_with_logits(t, wanted, {}, {}, at::Reduction::None) * asked;
    return costs.sum({1, 2, 3}) * yolo_.obj_normalizer;
  }

  at::Tensor classes() const {
    if (matches_.empty()) return t_.new_zeros({t_.size(0)});
    // A place with several objects has all their classes.
    std::map<decltype(matches_[0].place()), int64_t> rows;
    std::vector<YoloMatch> places;
    for (const YoloMatch& m : matches_) {
      if (rows.emplace(m.place(), static_cast<int64_t>(rows.size())).second) places.push_back(m);
    }
    at::Tensor wanted = at::zeros({static_cast<int64_t>(places.size()), yolo_.classes}, at::kFloat);
    for (const YoloMatch& m : matches_) wanted[rows[m.place()]][m.label] = 1;
    const double smooth = yolo_.label_smooth_eps;
    wanted = (wanted * (1 - smooth) + smooth / 2).to(t_);
    const at::Tensor t =
        t_.index({indices(&YoloMatch::picture, places), indices(&YoloMatch::anchor, places),
                  indices(&YoloMatch::y, places), indices(&YoloMatch::x, places)})
            .slice(1, 5);
    const at::Tensor costs =
        at::binary_cross_entropy_with_logits(t, wanted, {}, {}, at::Reduction::None).sum(1);
    return t_.new_zeros({t_.size(0)}).index_add(0, indices(&YoloMatch::picture, places), costs) *
           yolo_.cls_normalizer;
  }

 private:
  at::Tensor indices(int64_t YoloMatch::* member, const std::vector<YoloMatch>& matches) const {
    at::Tensor numbers = at::empty({static_cast<int64_t>(matches.size())}, at::kLong);
    for (size_t k = 0; k < matches.size(); ++k) numbers.data_ptr<int64_t>()[k] = matches[k].*member;
    return numbers.to(t_.device());
  }
  at::Tensor indices(int64_t YoloMatch::* member) const { return indices(member, matches_); }

  template <typename F>
  at::Tensor doubles(F&& f) const {
    at::Tensor numbers = at::empty({matched()}, at::kDouble);
    for (size_t k = 0; k < matches_.size(); ++k) numbers.data_ptr<double>()[k] = f(matches_[k]);
    return numbers.to(t_);
  }

  at::Tensor boxes_of_matches() const {
    return at::stack({doubles([](const YoloMatch& m) { return m.box.x0; }),
                      doubles([](const YoloMatch& m) { return m.box.y0; }),
                      doubles([](const YoloMatch& m) { return m.box.x1; }),
                      doubles([](const YoloMatch& m) { return m.box.y1; })},
                     1);
  }

  double step_x() const { return static_cast<double>(input_.width) / static_cast<double>(width_); }
  double step_y() const {
    return static_cast<double>(input_.height) / static_cast<double>(height_);
  }
  /// Where in its cell an output puts the centre.
  at::Tensor inside(const at::Tensor& t) const {
    return at::sigmoid(t) * yolo_.scale_x_y - 0.5 * (yolo_.scale_x_y - 1);
  }
  /// Corners in pixels of the boxes that outputs t [..., 4 or more] say; the others broadcast.
  at::Tensor boxes(const at::Tensor& t, const at::Tensor& cell_x, const at::Tensor& cell_y,
                   const at::Tensor& anchor_w, const at::Tensor& anchor_h) const {
    const at::Tensor x = (inside(t.select(-1, 0)) + cell_x) * step_x();
    const at::Tensor y = (inside(t.select(-1, 1)) + cell_y) * step_y();
    const at::Tensor w = t.select(-1, 2).clamp(-kLargestLog, kLargestLog).exp() * anchor_w / 2;
    const at::Tensor h = t.select(-1, 3).clamp(-kLargestLog, kLargestLog).exp() * anchor_h / 2;
    return at::stack({x - w, y - h, x + w, y + h}, -1);
  }

  const io::Anchor& anchor_of(const YoloMatch& m) const {
    return yolo_.anchors[static_cast<size_t>(yolo_.mask[static_cast<size_t>(m.anchor)])];
  }

  at::Tensor overlapping(const at::Tensor& rows, const at::Tensor& truth) const {
    const at::Tensor found =
        boxes(rows, indices(&YoloMatch::x), indices(&YoloMatch::y),
              doubles([&](const YoloMatch& m) { return anchor_of(m).width; }),
              doubles([&](const YoloMatch& m) { return anchor_of(m).height; }));
    return (1 - nn::overlap(found, truth, overlap_kind(yolo_.iou_loss))) *
           (yolo_.iou_normalizer / kUsualBoxWeight);
  }

  at::Tensor squared(const at::Tensor& rows, const at::Tensor& truth) const {
    const at::Tensor w = truth.select(1, 2) - truth.select(1, 0);
    const at::Tensor h = truth.select(1, 3) - truth.select(1, 1);
    // What the sigmoid should say.
    const auto place = [&](int side, double step, const at::Tensor& cell) {
      const at::Tensor centre = (truth.select(1, side) + truth.select(1, side + 2)) / 2 / step;
      return ((centre - cell + 0.5 * (yolo_.scale_x_y - 1)) / yolo_.scale_x_y).clamp(0, 1);
    };
    const auto cross = [&](int column, const at::Tensor& wanted) {
      return at::binary_cross_entropy_with_logits(rows.select(1, column), wanted, {}, {},
                                                  at::Reduction::None);
    };
    const auto log_error = [&](int column, const at::Tensor& side, const at::Tensor& anchor) {
      return (rows.select(1, column) - (side / anchor).log()).square() / 2;
    };
    const at::Tensor costs =
        cross(0, place(0, step_x(), indices(&YoloMatch::x))) +
        cross(1, place(1, step_y(), indices(&YoloMatch::y))) +
        log_error(2, w, doubles([&](const YoloMatch& m) { return anchor_of(m).width; })) +
        log_error(3, h, doubles([&](const YoloMatch& m) { return anchor_of(m).height; }));
    const double whole = static_cast<double>(input_.width) * static_cast<double>(input_.height);
    return costs * (2 - w * h / whole) * yolo_.iou_normalizer;
  }

  at::Tensor by_picture(const at::Tensor& costs) const {
    return t_.new_zeros({t_.size(0)}).index_add(0, indices(&YoloMatch::picture), costs);
  }

  /// Sets to 0 what need not be empty: boxes on an object that say some class.
  void spare(at::Tensor& asked) const {
    const at::NoGradGuard no_grad;
    const at::Tensor t = t_.detach();
    std::vector<double> widths, heights;
    for (const int a : yolo_.mask) {
      widths.push_back(yolo_.anchors[static_cast<size_t>(a)].width);
      heights.push_back(yolo_.anchors[static_cast<size_t>(a)].height);
    }
    const auto column = [&](const std::vector<double>& sides) {
      return at::tensor(sides, at::kDouble).to(t).view({-1, 1, 1});
    };
    const at::Tensor xs = at::arange(width_, t.options()).view({1, 1, -1});
    const at::Tensor ys = at::arange(height_, t.options()).view({1, -1, 1});
    const at::Tensor sure = at::sigmoid(t.slice(-1, 5).amax(-1)) > kSomeClass;
    for (size_t i = 0; i < truth_.size(); ++i) {
      if (truth_[i].empty()) continue;
      std::vector<double> corners;
      for (const Truth& one : truth_[i])
        corners.insert(corners.end(), {one.box.x0, one.box.y0, one.box.x1, one.box.y1});
      const at::Tensor there = at::tensor(corners, at::kDouble).to(t).view({-1, 4});
      const auto picture = static_cast<int64_t>(i);
      const at::Tensor found =
          boxes(t[picture], xs, ys, column(widths), column(heights)).reshape({-1, 4});
      const at::Tensor on_one = nn::pairwise_iou(found, there).amax(1) > yolo_.ignore_thresh;
      asked[picture].masked_fill_(on_one.view_as(sure[picture]) & sure[picture], 0);
    }
  }

  const io::DarknetYolo& yolo_;
  const io::MapShape& input_;
  int64_t height_, width_;
  at::Tensor t_;  // [B, anchors, H, W, 5 + classes]
  const std::vector<std::vector<Truth>>& truth_;
  std::vector<YoloMatch> matches_;
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
  const auto there = usable_truth(truth, input, heads[0]->classes, loss.skipped);
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
