#include "graft/data/label_kind.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "graft/base/error.h"
#include "graft/data/label_cell.h"
#include "graft/data/names.h"

namespace graft::data {
namespace {

/// The other way: the shortest text of each number is a class.
void become_classes(Listing& listing) {
  std::map<float, int> positions;
  for (const Sample& sample : listing.samples) positions.emplace(sample.value, 0);
  listing.classes.clear();
  for (auto& [value, position] : positions) {
    position = static_cast<int>(listing.classes.size());
    listing.classes.push_back(fmt::format("{}", value));
  }
  for (Sample& sample : listing.samples) sample.labels = {positions[sample.value]};
  listing.target = Target::single_label;
}

[[noreturn]] void fail_no_number(const Listing& listing) {
  const auto& names = listing.classes;
  const auto word = std::find_if(names.begin(), names.end(),
                                 [](const std::string& name) { return !number_in(name); });
  const std::string where = listing.samples.empty() ? "" : listing.samples.front().id;
  if (listing.multi_label() || word == names.end()) {
    fail_unreadable(
        "regression needs one number a sample, but samples have several labels or none (as {})",
        where);
  }
  const auto position = static_cast<int>(word - names.begin());
  const auto sample =
      std::find_if(listing.samples.begin(), listing.samples.end(), [&](const Sample& s) {
        return std::find(s.labels.begin(), s.labels.end(), position) != s.labels.end();
      });
  fail_unreadable(
      "regression needs numbers as labels, but {} has '{}'; mend it, name another column in "
      "data.columns.label, or set data.labels=classes",
      sample == listing.samples.end() ? where : sample->id, *word);
}

}  // namespace

bool has_values(const Listing& listing) {
  return std::none_of(listing.samples.begin(), listing.samples.end(),
                      [](const Sample& sample) { return std::isnan(sample.value); });
}

void become_regression(Listing& listing) {
  for (Sample& sample : listing.samples) sample.labels = {};
  listing.classes = {"value"};
  listing.empty_classes.clear();
  listing.target = Target::regression;
}

bool settle_labels(std::vector<Listing>& listings, LabelKind kind) {
  for (const Listing& listing : listings) {
    const auto huge = std::ranges::find_if(
        listing.samples, [](const Sample& sample) { return std::isinf(sample.value); });
    if (huge == listing.samples.end()) continue;
    fail_unreadable(
        "the label of {} is infinite, or larger than a float32 holds (3.4e38); mend it, or scale "
        "the labels",
        huge->id);
  }
  const bool some = std::any_of(listings.begin(), listings.end(),
                                [](const Listing& listing) { return listing.regression(); });
  const bool regression = kind == LabelKind::numbers || (kind == LabelKind::automatic && some);
  for (Listing& listing : listings) {
    if (regression && !has_values(listing)) fail_no_number(listing);
    if (regression && !listing.regression()) become_regression(listing);
    if (!regression && listing.regression()) become_classes(listing);
    if (regression) continue;
    for (Sample& sample : listing.samples) sample.value = std::numeric_limits<float>::quiet_NaN();
  }
  return regression;
}

bool name_numbers(std::vector<Listing>& listings, const std::vector<std::string>& names) {
  const std::set<std::string> wanted(names.begin(), names.end());
  int64_t least = std::numeric_limits<int64_t>::max();
  int64_t most = -1;
  for (const Listing& listing : listings) {
    for (const auto& name : listing.classes) {
      const auto value = number_in(name);
      const auto number = static_cast<int64_t>(std::llround(value.value_or(0)));
      if (wanted.contains(name) || !value || std::to_string(number) != name) return false;
      least = std::min(least, number);
      most = std::max(most, number);
    }
  }
  const auto count = static_cast<int64_t>(names.size());
  const int64_t base = most == count && least > 0 ? 1 : 0;
  if (most < 0 || least < base || most - base >= count) return false;
  for (Listing& listing : listings) {
    for (auto& name : listing.classes) name = names[static_cast<size_t>(std::stoll(name) - base)];
  }
  return true;
}

}  // namespace graft::data
