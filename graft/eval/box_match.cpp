#include "graft/eval/box_match.h"

#include <algorithm>
#include <numeric>

namespace graft::eval {
namespace {

/// An object that a box overlaps by at least the lowest threshold: no other can become its own.
struct Candidate {
  size_t object;
  double overlap;
};
using Candidates = std::vector<std::vector<Candidate>>;

Candidates candidates_of(const std::vector<TrueBox>& truth, const std::vector<FoundBox>& found,
                         const std::vector<size_t>& order) {
  Candidates all(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    for (size_t g = 0; g < truth.size(); ++g) {
      const double common = overlap(found[order[i]].box, truth[g].box, truth[g].crowd);
      if (common >= kOverlaps.front()) all[i].push_back({g, common});
    }
  }
  return all;
}

constexpr size_t kNone = static_cast<size_t>(-1);

/// One pass over the boxes of a picture: one size class at one overlap.
class Pass {
 public:
  Pass(const std::vector<TrueBox>& truth, const Candidates& candidates, SizeClass size)
      : truth_(truth), candidates_(candidates), size_(static_cast<size_t>(size)) {
    for (const TrueBox& object : truth) {
      ignored_.push_back(!object.must_be_found() || !kAreaRanges[size_].contains(object.area));
    }
  }

  void run(size_t threshold, const std::vector<bool>& outside, std::vector<Verdict>& verdicts) {
    taken_.assign(truth_.size(), false);
    const auto bit = static_cast<uint16_t>(1U << threshold);
    for (size_t i = 0; i < verdicts.size(); ++i) {
      const size_t object = choose(candidates_[i], kOverlaps[threshold]);
      if (object != kNone) {
        taken_[object] = true;
        verdicts[i].hit[size_] |= bit;
      }
      if (object != kNone ? ignored_[object] : outside[i]) verdicts[i].ignored[size_] |= bit;
    }
  }

 private:
  /// Of equal overlaps the later object, as in COCO.
  size_t choose(const std::vector<Candidate>& candidates, double least) const {
    size_t best = kNone;
    for (const bool ignored : {false, true}) {
      for (const Candidate& one : candidates) {
        if (ignored_[one.object] != ignored || one.overlap < least) continue;
        if (taken_[one.object] && !truth_[one.object].crowd) continue;
        least = one.overlap;
        best = one.object;
      }
      if (best != kNone) break;
    }
    return best;
  }

  const std::vector<TrueBox>& truth_;
  const Candidates& candidates_;
  size_t size_;
  std::vector<bool> ignored_;
  std::vector<bool> taken_;
};

void judge_as_voc(const std::vector<TrueBox>& truth, const Candidates& candidates,
                  std::vector<Verdict>& verdicts) {
  std::vector<bool> taken(truth.size(), false);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    const auto best = std::max_element(
        candidates[i].begin(), candidates[i].end(),
        [](const Candidate& a, const Candidate& b) { return a.overlap < b.overlap; });
    if (best == candidates[i].end()) continue;
    if (!truth[best->object].must_be_found()) {
      verdicts[i].voc_ignored = true;
    } else if (!taken[best->object]) {
      verdicts[i].voc_hit = true;
      taken[best->object] = true;
    }
  }
}

}  // namespace

std::map<int, PictureBoxes> PictureBoxes::by_class() const {
  std::map<int, PictureBoxes> parts;
  for (const TrueBox& object : truth) parts[object.label].truth.push_back(object);
  for (const FoundBox& box : found) parts[box.label].found.push_back(box);
  return parts;
}

double overlap(const MeasuredBox& found, const MeasuredBox& truth, bool crowd) {
  const double width =
      std::min(found.x + found.width, truth.x + truth.width) - std::max(found.x, truth.x);
  if (width <= 0) return 0;
  const double height =
      std::min(found.y + found.height, truth.y + truth.height) - std::max(found.y, truth.y);
  if (height <= 0) return 0;
  const double common = width * height;
  return common / (crowd ? found.area() : found.area() + truth.area() - common);
}

std::vector<Verdict> judge(const std::vector<TrueBox>& truth, const std::vector<FoundBox>& found) {
  std::vector<size_t> order(found.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return found[a].score != found[b].score ? found[a].score > found[b].score : a < b;
  });
  std::vector<Verdict> verdicts(found.size());
  for (size_t i = 0; i < order.size(); ++i) verdicts[i].score = found[order[i]].score;

  const Candidates candidates = candidates_of(truth, found, order);
  std::vector<bool> outside(order.size());
  for (size_t size = 0; size < kSizeClasses; ++size) {
    for (size_t i = 0; i < order.size(); ++i)
      outside[i] = !kAreaRanges[size].contains(found[order[i]].box.area());
    Pass pass(truth, candidates, static_cast<SizeClass>(size));
    for (size_t t = 0; t < kOverlaps.size(); ++t) pass.run(t, outside, verdicts);
  }
  judge_as_voc(truth, candidates, verdicts);
  return verdicts;
}

}  // namespace graft::eval
