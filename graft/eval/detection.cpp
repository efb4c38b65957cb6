#include "graft/eval/detection.h"

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"

namespace graft::eval {
namespace {

/// Most boxes of a class in a picture that COCO looks at.
constexpr int kMostBoxes = 100;
constexpr uint16_t kLastRank = 65535;

constexpr size_t index(SizeClass size) {
  return static_cast<size_t>(size);
}

/// Of numbers that are defined; NaN when none is.
class Mean {
 public:
  void add(double value) {
    if (std::isnan(value)) return;
    sum_ += value;
    ++count_;
  }
  double value() const {
    return count_ > 0 ? sum_ / static_cast<double>(count_) : BoxFigures::kUndefined;
  }

 private:
  double sum_ = 0;
  int64_t count_ = 0;
};

using Member = double BoxFigures::*;
struct Figure {
  const char* name;
  Member member;
  const char* meaning;
};
constexpr Figure kFigures[] = {
    {"AP", &BoxFigures::ap, "mean over overlaps 0.50 to 0.95"},
    {"AP50", &BoxFigures::ap50, "overlap 0.50"},
    {"AP75", &BoxFigures::ap75, "overlap 0.75"},
    {"APs", &BoxFigures::ap_small, "objects below 32 x 32 pixels"},
    {"APm", &BoxFigures::ap_medium, "objects up to 96 x 96"},
    {"APl", &BoxFigures::ap_large, "larger objects"},
    {"AR1", &BoxFigures::ar1, "recall with one box of a class in a picture"},
    {"AR10", &BoxFigures::ar10, "with ten"},
    {"AR100", &BoxFigures::ar100, "with a hundred"},
    {"ARs", &BoxFigures::ar_small, "recall of objects below 32 x 32"},
    {"ARm", &BoxFigures::ar_medium, "up to 96 x 96"},
    {"ARl", &BoxFigures::ar_large, "of larger objects"},
    {"VOC07", &BoxFigures::voc07, "Pascal VOC 2007: eleven points, overlap 0.50"},
    {"VOC", &BoxFigures::voc, "Pascal VOC from 2010: all points, overlap 0.50"}};

constexpr Member kPrecisionOf[] = {&BoxFigures::ap, &BoxFigures::ap_small, &BoxFigures::ap_medium,
                                   &BoxFigures::ap_large};
constexpr Member kRecallOf[] = {&BoxFigures::ar100, &BoxFigures::ar_small, &BoxFigures::ar_medium,
                                &BoxFigures::ar_large};

Json number(double value) {
  return std::isnan(value) ? Json(nullptr) : Json(value);
}

Json to_json(const BoxFigures& figures) {
  Json json = Json::object();
  for (const auto& [name, value] : figures.named()) json[name] = number(value);
  return json;
}

Json to_json(const WorkingPoint& point) {
  return {{"score", number(point.threshold)},
          {"precision", number(point.precision)},
          {"recall", number(point.recall)},
          {"f1", number(point.f1)}};
}

}  // namespace

std::vector<std::pair<std::string, double>> BoxFigures::named() const {
  std::vector<std::pair<std::string, double>> all;
  for (const Figure& figure : kFigures) all.emplace_back(figure.name, this->*figure.member);
  return all;
}

const char* figure_meaning(const std::string& name) {
  for (const Figure& figure : kFigures) {
    if (name == figure.name) return figure.meaning;
  }
  return "";
}

Json to_json(const BoxScores& scores) {
  Json classes = Json::array();
  for (const ClassBoxes& one : scores.classes) {
    Json json = {{"class", one.name}, {"objects", one.objects}, {"found", one.found}};
    json.update(to_json(one.figures));
    json["best_f1"] = to_json(one.best);
    classes.push_back(json);
  }
  Json json = {{"images", scores.images},
               {"objects", scores.objects},
               {"ignored", scores.ignored},
               {"found", scores.found}};
  json["metrics"] = to_json(scores.figures);
  json["best_f1"] = to_json(scores.best);
  json["per_class"] = classes;
  return json;
}

DetectionMetric::DetectionMetric(std::vector<std::string> classes)
    : names_(std::move(classes)), classes_(names_.size()) {}

void DetectionMetric::add(int64_t image, const PictureBoxes& picture) {
  const auto place = static_cast<uint32_t>(pictures_.size());
  pictures_.push_back(image);
  for (const auto& [label, part] : picture.by_class()) {
    GRAFT_ASSERT(label >= 0 && static_cast<size_t>(label) < names_.size());
    PerClass& one = classes_[static_cast<size_t>(label)];
    for (const TrueBox& object : part.truth) {
      if (!object.must_be_found()) {
        ++ignored_;
        continue;
      }
      for (size_t size = 0; size < kSizeClasses; ++size)
        one.objects[size] += kAreaRanges[size].contains(object.area);
    }
    const std::vector<Verdict> verdicts = judge(part.truth, part.found);
    for (size_t i = 0; i < verdicts.size(); ++i) {
      one.found.push_back(
          {verdicts[i], place, static_cast<uint16_t>(std::min<size_t>(i, kLastRank))});
    }
  }
}

std::vector<const DetectionMetric::Kept*> DetectionMetric::by_score(const PerClass& one) const {
  std::vector<const Kept*> order;
  order.reserve(one.found.size());
  for (const Kept& kept : one.found) order.push_back(&kept);
  std::sort(order.begin(), order.end(), [&](const Kept* a, const Kept* b) {
    if (a->verdict.score != b->verdict.score) return a->verdict.score > b->verdict.score;
    if (a->picture != b->picture) return pictures_[a->picture] < pictures_[b->picture];
    return a < b;  // boxes of one picture lie in their order
  });
  return order;
}

namespace {

/// What counts of `order` for one size class and overlap.
template <typename Kept>
void select(const std::vector<const Kept*>& order, SizeClass size, size_t overlap,
            std::vector<Scored>& scored) {
  scored.clear();
  for (const Kept* kept : order) {
    if (kept->rank >= kMostBoxes) continue;
    const Verdict& verdict = kept->verdict;
    if (verdict.ignored[index(size)] >> overlap & 1U) continue;
    scored.push_back({verdict.score, (verdict.hit[index(size)] >> overlap & 1U) != 0});
  }
}

/// Recall over all overlaps when each picture shows at most `most` boxes.
template <typename Kept>
double recall(const std::vector<Kept>& found, SizeClass size, int most, int64_t objects) {
  int64_t hits = 0;
  for (const Kept& kept : found) {
    if (kept.rank >= most) continue;
    const auto bits =
        static_cast<unsigned>(kept.verdict.hit[index(size)] & ~kept.verdict.ignored[index(size)]);
    hits += __builtin_popcount(bits);
  }
  return static_cast<double>(hits) /
         (static_cast<double>(objects) * static_cast<double>(kOverlaps.size()));
}

}  // namespace

PrecisionCurve DetectionMetric::curve(int label, size_t overlap, SizeClass size) const {
  const PerClass& one = classes_.at(static_cast<size_t>(label));
  const int64_t objects = one.objects[index(size)];
  if (objects == 0) return {};
  std::vector<Scored> scored;
  select(by_score(one), size, overlap, scored);
  return precision_curve(scored, objects);
}

ClassBoxes DetectionMetric::scores_of(size_t label) const {
  const PerClass& one = classes_[label];
  ClassBoxes result;
  result.name = names_[label];
  result.objects = one.objects[0];
  BoxFigures& figures = result.figures;
  const auto order = by_score(one);
  std::vector<Scored> scored;
  select(order, SizeClass::all, 0, scored);
  result.found = static_cast<int64_t>(scored.size());
  if (result.objects > 0) result.best = best_f1(scored, result.objects);

  for (size_t size = 0; size < kSizeClasses; ++size) {
    const int64_t objects = one.objects[size];
    if (objects == 0) continue;
    Mean precision;
    for (size_t t = 0; t < kOverlaps.size(); ++t) {
      select(order, static_cast<SizeClass>(size), t, scored);
      const double average = precision_curve(scored, objects).average();
      precision.add(average);
      if (size == 0 && t == 0) figures.ap50 = average;
      if (size == 0 && t == 5) figures.ap75 = average;
    }
    figures.*kPrecisionOf[size] = precision.value();
    figures.*kRecallOf[size] = recall(one.found, static_cast<SizeClass>(size), kMostBoxes, objects);
  }
  if (result.objects == 0) return result;
  figures.ar1 = recall(one.found, SizeClass::all, 1, result.objects);
  figures.ar10 = recall(one.found, SizeClass::all, 10, result.objects);

  scored.clear();
  for (const Kept* kept : order) {
    if (!kept->verdict.voc_ignored) scored.push_back({kept->verdict.score, kept->verdict.voc_hit});
  }
  figures.voc07 = eleven_point_precision(scored, result.objects);
  figures.voc = all_point_precision(scored, result.objects);
  return result;
}

BoxScores DetectionMetric::scores() const {
  BoxScores all;
  all.images = static_cast<int64_t>(pictures_.size());
  all.ignored = ignored_;
  for (size_t label = 0; label < classes_.size(); ++label) {
    all.classes.push_back(scores_of(label));
    all.objects += all.classes.back().objects;
    all.found += all.classes.back().found;
  }
  for (const Figure& figure : kFigures) {
    Mean mean;
    for (const ClassBoxes& one : all.classes) mean.add(one.figures.*figure.member);
    all.figures.*figure.member = mean.value();
  }
  all.best = best();
  return all;
}

WorkingPoint DetectionMetric::best() const {
  int64_t objects = 0;
  std::vector<Scored> pooled;
  std::vector<Scored> scored;
  for (const PerClass& one : classes_) {
    objects += one.objects[index(SizeClass::all)];
    select(by_score(one), SizeClass::all, 0, scored);
    pooled.insert(pooled.end(), scored.begin(), scored.end());
  }
  if (objects == 0) return {};
  std::sort(pooled.begin(), pooled.end(),
            [](const Scored& a, const Scored& b) { return a.score > b.score; });
  return best_f1(pooled, objects);
}

}  // namespace graft::eval
