#include "graft/data/check.h"

#include <algorithm>
#include <utility>

#include "graft/data/check_samples.h"
#include "graft/data/fingerprint.h"
#include "graft/data/names.h"

namespace graft::data {
namespace {

struct Examined {
  Fingerprint print;
  int width = 0;
  int height = 0;
  std::string reason;  // why it is unreadable
};

class Inspector {
 public:
  Inspector(const Dataset& dataset, CheckReport& report)
      : samples_(dataset), classes_(dataset.classes), boxes_(dataset.boxes()), report_(report) {
    samples_.describe(report);
    examined_.resize(static_cast<size_t>(samples_.size()));
  }

  void run(int threads, const std::function<void(int64_t, int64_t)>& progress) {
    samples_.for_each(threads, progress, [this](int64_t i) { examine(i); });
    sort_out();
    find_duplicates();
    find_look_alikes();
    if (!boxes_) return;
    std::vector<image::Dimensions> sizes;
    for (const Examined& seen : examined_) sizes.push_back({seen.width, seen.height});
    report_.boxes = check_boxes(samples_, classes_, sizes);
  }

 private:
  void examine(int64_t i) {
    Examined& result = examined_[static_cast<size_t>(i)];
    try {
      const image::Image picture = samples_.source().load(samples_.index(i));
      result.width = picture.width;
      result.height = picture.height;
      result.print = fingerprint(picture);
    } catch (const std::exception& error) {
      result.reason = printable(error.what());
    }
  }

  Place place(int64_t i) const { return samples_.place(i); }

  void sort_out() {
    std::vector<int> sides;
    for (int64_t i = 0; i < report_.samples; ++i) {
      const Examined& seen = examined_[static_cast<size_t>(i)];
      if (seen.width == 0) {
        report_.unreadable.push_back({place(i), seen.reason});
        continue;
      }
      const auto [shorter, longer] = std::minmax(seen.width, seen.height);
      sides.push_back(shorter);
      if (shorter < CheckReport::kTinySide) report_.tiny.push_back(place(i));
      if (longer > CheckReport::kOddProportion * shorter) report_.odd.push_back(place(i));
    }
    if (sides.empty()) return;
    std::sort(sides.begin(), sides.end());
    report_.min_side = sides.front();
    report_.median_side = sides[sides.size() / 2];
    report_.max_side = sides.back();
  }

  void find_duplicates() {
    std::vector<std::array<uint64_t, 2>> prints;
    prints.reserve(examined_.size());
    for (const Examined& seen : examined_) {
      prints.push_back(seen.width > 0 ? seen.print.exact : std::array<uint64_t, 2>{});
    }
    for (const auto& group : samples_.equal_groups(prints)) {
      report_.duplicates.push_back(samples_.twins(group));
    }
  }

  void find_look_alikes() {
    std::vector<Fingerprint> prints;
    for (const Examined& seen : examined_) {
      prints.push_back(seen.print);
      if (seen.width == 0) prints.back().visible = 0;
    }
    const auto pairs = look_alikes(prints);
    for (const auto& group : connect(pairs)) report_.look_alikes.push_back(samples_.twins(group));
  }

  CheckedSamples samples_;
  const std::vector<std::string>& classes_;
  bool boxes_;
  CheckReport& report_;
  std::vector<Examined> examined_;
};

}  // namespace

CheckReport check(const Dataset& dataset, int threads,
                  const std::function<void(int64_t, int64_t)>& progress) {
  if (dataset.train.source->content() == Content::texts) {
    return check_texts(dataset, threads, progress);
  }
  CheckReport report;
  Inspector(dataset, report).run(threads, progress);
  return report;
}

}  // namespace graft::data
