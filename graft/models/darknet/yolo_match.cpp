#include "graft/models/darknet/yolo_match.h"

#include <algorithm>
#include <map>
#include <set>

namespace graft::models {
namespace {

/// How well sides fit, wherever the box lies.
double fit(const io::Anchor& anchor, const image::Box& box) {
  const double w = box.width(), h = box.height();
  const double common = std::min(anchor.width, w) * std::min(anchor.height, h);
  return common / (anchor.width * anchor.height + w * h - common);
}

}  // namespace

std::vector<YoloMatch> match_yolo(const io::DarknetYolo& yolo, const io::MapShape& input,
                                  int64_t height, int64_t width,
                                  const std::vector<std::vector<Truth>>& truth) {
  std::vector<YoloMatch> matches;
  const auto cell = [](double centre, int64_t side, int64_t cells) {
    const auto index =
        static_cast<int64_t>(centre / static_cast<double>(side) * static_cast<double>(cells));
    return std::clamp<int64_t>(index, 0, cells - 1);
  };
  for (size_t i = 0; i < truth.size(); ++i) {
    for (const Truth& one : truth[i]) {
      std::vector<double> fits;
      for (const io::Anchor& anchor : yolo.anchors) fits.push_back(fit(anchor, one.box));
      const auto best = std::ranges::max_element(fits) - fits.begin();
      const int64_t y = cell((one.box.y0 + one.box.y1) / 2, input.height, height);
      const int64_t x = cell((one.box.x0 + one.box.x1) / 2, input.width, width);
      for (size_t a = 0; a < yolo.mask.size(); ++a) {
        const int anchor = yolo.mask[a];
        if (anchor != best && !(fits[static_cast<size_t>(anchor)] > yolo.iou_thresh)) continue;
        matches.push_back(
            {static_cast<int64_t>(i), static_cast<int64_t>(a), y, x, one.box, one.label});
      }
    }
  }
  if (yolo.iou_thresh < 1) {  // Darknet's rule for places with objects of several classes
    std::map<decltype(matches[0].place()), std::set<int>> labels;
    for (const YoloMatch& m : matches) labels[m.place()].insert(m.label);
    for (YoloMatch& m : matches) m.weight = 1 / static_cast<double>(labels[m.place()].size());
  }
  return matches;
}

}  // namespace graft::models
