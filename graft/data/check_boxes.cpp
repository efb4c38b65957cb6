#include <algorithm>
#include <cmath>
#include <utility>

#include "graft/data/check_samples.h"

namespace graft::data {
namespace {

/// A box that reaches out by less was rounded when it was written.
constexpr float kRounding = 0.5F;
constexpr float kSmall = 32 * 32;
constexpr float kMedium = 96 * 96;

bool leaves(const std::vector<BoxLabel>& boxes, image::Dimensions size) {
  return std::any_of(boxes.begin(), boxes.end(), [&](const BoxLabel& one) {
    return one.box.x1 > static_cast<float>(size.width) + kRounding ||
           one.box.y1 > static_cast<float>(size.height) + kRounding;
  });
}

bool repeats(const std::vector<BoxLabel>& boxes) {
  for (size_t i = 0; i < boxes.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      if (boxes[i].box == boxes[k].box && boxes[i].label == boxes[k].label) return true;
    }
  }
  return false;
}

int64_t& count_of(ClassCount& count, Split split) {
  return split == Split::train        ? count.train
         : split == Split::validation ? count.validation
                                      : count.test;
}

}  // namespace

BoxReport check_boxes(const CheckedSamples& samples, const std::vector<std::string>& classes,
                      const std::vector<image::Dimensions>& sizes) {
  BoxReport report;
  for (const auto& name : classes) report.classes.push_back({name});
  std::vector<float> sides;
  for (int64_t i = 0; i < samples.size(); ++i) {
    const Sample& sample = samples.source().sample(samples.index(i));
    const Place place = samples.place(i);
    const image::Dimensions size = sizes[static_cast<size_t>(i)];
    report.dropped_boxes += sample.dropped_boxes;
    report.cut_boxes += sample.cut_boxes;
    if (sample.dropped_boxes > 0) report.dropped.push_back(place);
    if (sample.cut_boxes > 0) report.cut.push_back(place);
    if (size.width > 0 && leaves(sample.boxes, size)) report.outside.push_back(place);
    if (repeats(sample.boxes)) report.repeated.push_back(place);
    if (sample.boxes.empty()) report.bare.push_back(place);
    for (const BoxLabel& one : sample.boxes) {
      ++count_of(report.classes[static_cast<size_t>(one.label)], place.split);
      sides.push_back(std::sqrt(one.box.area()));
      report.crowds += one.crowd;
      report.difficult += one.difficult;
      ++(one.area < kSmall ? report.small : one.area <= kMedium ? report.medium : report.large);
    }
  }
  report.boxes = static_cast<int64_t>(sides.size());
  if (sides.empty()) return report;
  std::sort(sides.begin(), sides.end());
  report.min_side = sides.front();
  report.median_side = sides[sides.size() / 2];
  report.max_side = sides.back();
  return report;
}

}  // namespace graft::data
