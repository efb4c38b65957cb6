#include "graft/eval/box_pairs.h"

#include <algorithm>

namespace graft::eval {
namespace {

class Pairing {
 public:
  Pairing(const std::vector<TrueBox>& truth, const std::vector<FoundBox>& found, BoxPairs& pairs)
      : truth_(truth), found_(found), pairs_(pairs) {}

  void with_own_class(size_t box) {
    const auto own = [&](const TrueBox& object) { return object.label == found_[box].label; };
    if (take(box, Fate::right, [&](const TrueBox& o) { return own(o) && o.must_be_found(); }))
      return;
    take(box, Fate::ignored, [&](const TrueBox& o) { return own(o) && !o.must_be_found(); });
  }
  void with_any_class(size_t box) {
    take(box, Fate::confused, [](const TrueBox& o) { return o.must_be_found(); });
  }

 private:
  /// The free object with the highest overlap; of equal ones the later, as in COCO.
  template <typename Wanted>
  bool take(size_t box, Fate fate, const Wanted& wanted) {
    double most = kOverlaps.front();
    int best = BoxPairs::kNone;
    for (size_t i = 0; i < truth_.size(); ++i) {
      const TrueBox& object = truth_[i];
      if (!wanted(object) || (pairs_.box_of[i] != BoxPairs::kNone && !object.crowd)) continue;
      const double common = overlap(found_[box].box, object.box, object.crowd);
      if (!(common >= most)) continue;
      most = common;
      best = static_cast<int>(i);
    }
    if (best == BoxPairs::kNone) return false;
    pairs_.fates[box] = fate;
    pairs_.object_of[box] = best;
    pairs_.box_of[static_cast<size_t>(best)] = static_cast<int>(box);
    return true;
  }

  const std::vector<TrueBox>& truth_;
  const std::vector<FoundBox>& found_;
  BoxPairs& pairs_;
};

}  // namespace

bool BoxPairs::is_missed(const std::vector<TrueBox>& truth, size_t object) const {
  return box_of[object] == kNone && truth[object].must_be_found();
}

BoxPairs pair_boxes(const std::vector<TrueBox>& truth, const std::vector<FoundBox>& found,
                    double least) {
  BoxPairs pairs{std::vector<Fate>(found.size(), Fate::dropped),
                 std::vector<int>(found.size(), BoxPairs::kNone),
                 std::vector<int>(truth.size(), BoxPairs::kNone)};
  std::vector<size_t> order;
  for (size_t i = 0; i < found.size(); ++i) {
    if (!(found[i].score >= least)) continue;
    pairs.fates[i] = Fate::alone;
    order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return found[a].score != found[b].score ? found[a].score > found[b].score : a < b;
  });
  Pairing pairing(truth, found, pairs);
  for (const size_t box : order) pairing.with_own_class(box);
  for (const size_t box : order) {
    if (pairs.fates[box] == Fate::alone) pairing.with_any_class(box);
  }
  return pairs;
}

}  // namespace graft::eval
