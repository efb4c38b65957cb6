#include "graft/data/check_samples.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "graft/base/parallel.h"

namespace graft::data {
namespace {

bool has_values(const Dataset& data) {
  return data.regression() || data.target == Target::similarity;
}

}  // namespace

CheckedSamples::CheckedSamples(const Dataset& dataset) : set_(dataset) {
  const Split splits[] = {Split::train, Split::validation, Split::test};
  for (size_t s = 0; s < 3; ++s) {
    for (const int64_t index : set_.views()[s]->indices) items_.push_back({splits[s], index});
  }
}

Place CheckedSamples::place(int64_t i) const {
  const Item& item = items_[static_cast<size_t>(i)];
  const Sample& sample = source().sample(item.index);
  return {item.split, sample.id, sample.labels};
}

Twins CheckedSamples::twins(const std::vector<int64_t>& group) const {
  Twins result;
  for (const int64_t i : group) {
    result.places.push_back(place(i));
    const Place& first = result.places.front();
    const Place& last = result.places.back();
    result.across_splits = result.across_splits || last.split != first.split;
    const bool same = has_values(set_) ? source().sample(index(i)).value ==
                                             source().sample(index(group.front())).value
                                       : last.labels == first.labels;
    result.different_labels = result.different_labels || !same;
  }
  return result;
}

std::vector<std::vector<int64_t>> CheckedSamples::equal_groups(
    const std::vector<std::array<uint64_t, 2>>& prints) const {
  std::map<std::array<uint64_t, 2>, std::vector<int64_t>> groups;
  for (size_t i = 0; i < prints.size(); ++i) {
    if (prints[i] != std::array<uint64_t, 2>{})
      groups[prints[i]].push_back(static_cast<int64_t>(i));
  }
  std::vector<std::vector<int64_t>> several;
  for (auto& [print, group] : groups) {
    if (group.size() > 1) several.push_back(std::move(group));
  }
  std::sort(several.begin(), several.end());
  return several;
}

void CheckedSamples::describe(CheckReport& report) const {
  report.content = source().content();
  report.samples = size();
  report.notes = set_.notes;
  report.values = has_values(set_);
  report.records = set_.language();
  report.pairs = set_.pairs();
  report.tagged = set_.token_classes();
  if (report.values) measure_values(report);
  if (set_.regression() || set_.pairs()) {
    const std::string name = set_.pairs() ? "pairs" : set_.classes.front();
    report.classes = {{name, set_.train.size(), set_.validation.size(), set_.test.size()}};
  } else if (set_.language()) {
    report.classes = {{"records", set_.train.size(), set_.validation.size(), set_.test.size()}};
  } else {
    count_classes(report);
  }
}

void CheckedSamples::count_classes(CheckReport& report) const {
  const size_t n = set_.classes.size();
  const auto train = set_.train.class_counts(n);
  const auto validation = set_.validation.class_counts(n);
  const auto test = set_.test.class_counts(n);
  int64_t least = 0;
  int64_t most = 0;
  for (size_t c = 0; c < n; ++c) {
    report.classes.push_back({set_.classes[c], train[c], validation[c], test[c]});
    if (train[c] == 0) report.empty_classes.push_back(set_.classes[c]);
    if (train[c] > 0) least = least == 0 ? train[c] : std::min(least, train[c]);
    most = std::max(most, train[c]);
  }
  report.empty_classes.insert(report.empty_classes.end(), set_.empty_classes.begin(),
                              set_.empty_classes.end());
  if (least > 0) report.imbalance = static_cast<double>(most) / static_cast<double>(least);
}

void CheckedSamples::measure_values(CheckReport& report) const {
  std::vector<float> values;
  values.reserve(set_.train.indices.size());
  for (int64_t i = 0; i < set_.train.size(); ++i) values.push_back(set_.train.sample(i).value);
  if (values.empty()) return;
  std::sort(values.begin(), values.end());
  report.min_value = values.front();
  report.median_value = values[values.size() / 2];
  report.max_value = values.back();
}

void CheckedSamples::for_each(int threads, const std::function<void(int64_t, int64_t)>& progress,
                              const std::function<void(int64_t)>& task) const {
  ThreadPool pool(threads);
  std::atomic<int64_t> done{0};
  std::mutex one_at_a_time;
  pool.for_each(size(), [&](int64_t i) {
    task(i);
    const int64_t now = ++done;
    if (!progress || (now % 64 != 0 && now != size())) return;
    const std::lock_guard lock(one_at_a_time);
    progress(now, size());
  });
}

}  // namespace graft::data
