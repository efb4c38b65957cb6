#include "graft/report/box_examples.h"

#include <algorithm>

#include "graft/image/class_color.h"
#include "graft/report/text.h"
#include "graft/report/tile.h"

namespace graft::report {
namespace {

constexpr image::Color kWrong{224, 32, 48}, kObject{40, 200, 90}, kFound{70, 140, 255};
constexpr int kThin = 2, kThick = 4;
/// Below that an object is no explanation of a box.
constexpr double kNearby = 0.1;

/// A box or an object of a picture that something is wrong with.
struct Mistake {
  const BoxedPicture* picture;
  size_t index;  ///< among what was found, or among the objects
  double weight;
};

/// The weightiest of each picture, and of these the weightiest first. Ties keep the order of the
/// file, so that a report is the same every time.
template <typename Weigh>
std::vector<Mistake> worst(const BoxMeasure& measure, size_t count, const Weigh& weigh) {
  std::vector<Mistake> all;
  for (const BoxedPicture* picture : measure.pictures()) {
    const std::vector<Mistake> here = weigh(*picture, measure.pairs(*picture));
    const auto heavier = [](const Mistake& a, const Mistake& b) { return a.weight < b.weight; };
    const auto most = std::max_element(here.begin(), here.end(), heavier);
    if (most != here.end()) all.push_back(*most);
  }
  std::sort(all.begin(), all.end(), [](const Mistake& a, const Mistake& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.picture < b.picture;
  });
  if (all.size() > count) all.resize(count);
  return all;
}

/// The surroundings of a box: objects, the other boxes that are kept, and the box itself on top.
std::string close_up(const BoxMeasure& measure, const BoxedPicture& picture,
                     const eval::MeasuredBox& wrong, const Picture& open) {
  const image::Image whole = open_picture(open, picture.input);
  if (whole.empty()) return "";
  CloseUp part(whole, wrong);
  for (const eval::TrueBox& object : picture.objects) part.outline(object.box, kObject, kThin);
  for (const eval::FoundBox& box : picture.found) {
    if (box.score >= measure.threshold()) part.outline(box.box, kFound, kThin);
  }
  part.outline(wrong, kWrong, kThick);
  return part.uri();
}

std::string caption(const std::string& name, const std::string& what, const std::string& why) {
  return "<p><b>" + escape(shorten(name, 60)) + "</b> <span class=\"nb\">" + what +
         "</span></p><p class=\"bad-text\">" + escape(why) + "</p>";
}

/// What lies where a box was found that stands for no object.
std::string what_is_there(const RunFolder& run, const BoxedPicture& picture,
                          const eval::FoundBox& box) {
  double most = kNearby;
  const eval::TrueBox* nearest = nullptr;
  for (const eval::TrueBox& object : picture.objects) {
    const double common = eval::overlap(box.box, object.box, object.crowd);
    if (common < most) continue;
    most = common;
    nearest = &object;
  }
  if (!nearest) return "no object there";
  const std::string name = shorten(run.classes[static_cast<size_t>(nearest->label)], 40);
  if (most >= eval::kOverlaps.front()) return "one more box on " + name;
  return "overlaps " + name + " by " + show_fixed(most, 2);
}

/// How near the detector was to finding an object.
std::string best_chance(const BoxMeasure& measure, const BoxedPicture& picture,
                        const eval::TrueBox& object) {
  double best = -1;
  for (const eval::FoundBox& box : picture.found) {
    if (box.label != object.label ||
        eval::overlap(box.box, object.box, false) < eval::kOverlaps.front())
      continue;
    best = std::max(best, box.score);
  }
  if (best < 0) return "no box";
  if (best >= measure.threshold()) return "its box stands for another object";
  return "only a box with score " + show_fixed(best, 2);
}

}  // namespace

std::string false_positives(const RunFolder& run, const BoxMeasure& measure, size_t count,
                            const Picture& open) {
  const auto mistakes =
      worst(measure, count, [](const BoxedPicture& picture, const eval::BoxPairs& pairs) {
        std::vector<Mistake> here;
        for (size_t i = 0; i < picture.found.size(); ++i) {
          if (pairs.fates[i] == eval::Fate::alone)
            here.push_back({&picture, i, picture.found[i].score});
        }
        return here;
      });
  std::string out;
  for (const Mistake& mistake : mistakes) {
    const BoxedPicture& picture = *mistake.picture;
    const eval::FoundBox& box = picture.found[mistake.index];
    out += tile(close_up(measure, picture, box.box, open), picture.input,
                caption(run.classes[static_cast<size_t>(box.label)],
                        "score " + show_fixed(box.score, 2), what_is_there(run, picture, box)),
                picture.input);
  }
  return tiles(out);
}

std::string missed_objects(const RunFolder& run, const BoxMeasure& measure, size_t count,
                           const Picture& open) {
  const auto mistakes =
      worst(measure, count, [](const BoxedPicture& picture, const eval::BoxPairs& pairs) {
        std::vector<Mistake> here;
        for (size_t i = 0; i < picture.objects.size(); ++i) {
          if (pairs.is_missed(picture.objects, i))
            here.push_back({&picture, i, picture.objects[i].box.area()});
        }
        return here;
      });
  std::string out;
  for (const Mistake& mistake : mistakes) {
    const BoxedPicture& picture = *mistake.picture;
    const eval::TrueBox& object = picture.objects[mistake.index];
    out += tile(close_up(measure, picture, object.box, open), picture.input,
                caption(run.classes[static_cast<size_t>(object.label)],
                        show_whole(object.box.width) + " × " + show_whole(object.box.height),
                        best_chance(measure, picture, object)),
                picture.input);
  }
  return tiles(out);
}

}  // namespace graft::report
