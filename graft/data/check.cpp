#include "graft/data/check.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/parallel.h"
#include "graft/data/fingerprint.h"
#include "graft/data/names.h"

namespace graft::data {
namespace {

struct Item {
  Split split;
  int64_t index;  // of the source
};

struct Examined {
  Fingerprint print;
  int width = 0;
  int height = 0;
  std::string reason;  // why it is unreadable
};

class Inspector {
 public:
  Inspector(const Dataset& dataset, CheckReport& report) : set_(dataset), report_(report) {
    const Split splits[] = {Split::train, Split::validation, Split::test};
    for (size_t s = 0; s < 3; ++s) {
      for (const int64_t index : set_.views()[s]->indices) items_.push_back({splits[s], index});
    }
    examined_.resize(items_.size());
    report_.samples = static_cast<int64_t>(items_.size());
    report_.notes = set_.notes;
  }

  void run(int threads, const std::function<void(int64_t, int64_t)>& progress) {
    count_classes();
    ThreadPool pool(threads);
    std::atomic<int64_t> done{0};
    std::mutex one_at_a_time;
    pool.for_each(report_.samples, [&](int64_t i) {
      examine(i);
      const int64_t now = ++done;
      if (!progress || (now % 64 != 0 && now != report_.samples)) return;
      const std::lock_guard lock(one_at_a_time);
      progress(now, report_.samples);
    });
    sort_out();
    find_duplicates();
    find_look_alikes();
  }

 private:
  void examine(int64_t i) {
    Examined& result = examined_[static_cast<size_t>(i)];
    try {
      const image::Image picture = set_.train.source->load(items_[static_cast<size_t>(i)].index);
      result.width = picture.width;
      result.height = picture.height;
      result.print = fingerprint(picture);
    } catch (const std::exception& error) {
      result.reason = printable(error.what());
    }
  }

  Place place(int64_t i) const {
    const Item& item = items_[static_cast<size_t>(i)];
    const Sample& sample = set_.train.source->sample(item.index);
    return {item.split, sample.id, sample.labels};
  }

  void count_classes() {
    const size_t n = set_.classes.size();
    const auto train = set_.train.class_counts(n);
    const auto validation = set_.validation.class_counts(n);
    const auto test = set_.test.class_counts(n);
    int64_t least = 0;
    int64_t most = 0;
    for (size_t c = 0; c < n; ++c) {
      report_.classes.push_back({set_.classes[c], train[c], validation[c], test[c]});
      if (train[c] == 0) report_.empty_classes.push_back(set_.classes[c]);
      if (train[c] > 0) least = least == 0 ? train[c] : std::min(least, train[c]);
      most = std::max(most, train[c]);
    }
    report_.empty_classes.insert(report_.empty_classes.end(), set_.empty_classes.begin(),
                                 set_.empty_classes.end());
    if (least > 0) report_.imbalance = static_cast<double>(most) / static_cast<double>(least);
  }

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

  Twins twins(const std::vector<int64_t>& group) const {
    Twins result;
    for (const int64_t i : group) {
      result.places.push_back(place(i));
      const Place& first = result.places.front();
      const Place& last = result.places.back();
      result.across_splits = result.across_splits || last.split != first.split;
      result.different_labels = result.different_labels || last.labels != first.labels;
    }
    return result;
  }

  void find_duplicates() {
    std::map<std::array<uint64_t, 2>, std::vector<int64_t>> groups;
    for (size_t i = 0; i < examined_.size(); ++i) {
      if (examined_[i].width > 0)
        groups[examined_[i].print.exact].push_back(static_cast<int64_t>(i));
    }
    std::vector<std::vector<int64_t>> several;
    for (auto& [print, group] : groups) {
      if (group.size() > 1) several.push_back(std::move(group));
    }
    std::sort(several.begin(), several.end());
    for (const auto& group : several) report_.duplicates.push_back(twins(group));
  }

  void find_look_alikes() {
    std::vector<Fingerprint> prints;
    for (const Examined& seen : examined_) {
      prints.push_back(seen.print);
      if (seen.width == 0) prints.back().visible = 0;
    }
    const auto pairs = look_alikes(prints);
    for (const auto& group : connect(pairs)) report_.look_alikes.push_back(twins(group));
  }

  const Dataset& set_;
  CheckReport& report_;
  std::vector<Item> items_;
  std::vector<Examined> examined_;
};

}  // namespace

CheckReport check(const Dataset& dataset, int threads,
                  const std::function<void(int64_t, int64_t)>& progress) {
  CheckReport report;
  Inspector(dataset, report).run(threads, progress);
  return report;
}

}  // namespace graft::data
