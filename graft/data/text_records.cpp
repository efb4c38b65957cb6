#include "graft/data/text_records.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/label_cell.h"
#include "graft/data/label_kind.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"

namespace graft::data {

TextRecords::TextRecords(std::string where, std::string unit)
    : where_(std::move(where)), unit_(std::move(unit)) {}

std::string TextRecords::Texts::text(uint64_t k) const {
  const uint64_t begin = k == 0 ? 0 : ends[k - 1];
  return bytes.substr(begin, ends[k] - begin);
}

Text TextRecords::Texts::record(size_t i) const {
  const uint64_t end = i + 1 < firsts.size() ? firsts[i + 1] : ends.size();
  Text record;
  for (uint64_t k = firsts[i]; k < end; ++k) {
    if (k == firsts[i])
      record.first = text(k);
    else if (!record.second)
      record.second = text(k);
    else
      record.negatives.push_back(text(k));
  }
  return record;
}

void TextRecords::add(int64_t number, std::string_view first,
                      std::optional<std::string_view> second,
                      const std::vector<std::string>& labels, Split split, std::string_view id) {
  const std::string_view texts[] = {first, second.value_or("")};
  add(number, std::span(texts, second ? 2 : 1), labels, split, id);
}

void TextRecords::add(int64_t number, std::span<const std::string_view> texts,
                      const std::vector<std::string>& labels, Split split, std::string_view id) {
  const auto blank = [](std::string_view text) { return trimmed(text).empty(); };
  if (std::all_of(texts.begin(), texts.end(), blank)) {
    ++blank_;
    return;
  }
  for (const std::string_view text : texts) {
    if (text.size() <= kMaxRecordBytes) continue;
    fail_unreadable("{}, {} {}: the text is longer than {} MiB", where_, unit_, number,
                    kMaxRecordBytes >> 20);
  }
  texts_.firsts.push_back(texts_.ends.size());
  for (const std::string_view text : texts) {
    texts_.bytes += text;
    texts_.ends.push_back(texts_.bytes.size());
  }

  Sample sample{id.empty() ? fmt::format("{}:{}", unit_, number) : printable(id), {}};
  sample.labels.reserve(labels.size());
  for (const auto& label : labels) sample.labels.push_back(number_of(label));
  std::sort(sample.labels.begin(), sample.labels.end());
  sample.labels.erase(std::unique(sample.labels.begin(), sample.labels.end()), sample.labels.end());
  for (const int label : sample.labels) used_[static_cast<size_t>(label)] = true;
  several_ = several_ || sample.labels.size() > 1;
  if (sample.labels.empty() && first_without_ == 0) first_without_ = number;
  listing_.samples.push_back(std::move(sample));
  listing_.splits.push_back(split);
}

void TextRecords::add_class(const std::string& name) {
  number_of(name);
}

int TextRecords::number_of(const std::string& name) {
  const auto [entry, added] = numbers_.try_emplace(name, static_cast<int>(names_.size()));
  if (added) {
    names_.push_back(name);
    used_.push_back(false);
  }
  return entry->second;
}

Listing TextRecords::finish() {
  if (listing_.samples.empty()) {
    fail_unreadable("{} holds no records{}", where_,
                    blank_ == 0 ? "" : fmt::format("; {} are there without text", grouped(blank_)));
  }
  if (blank_ > 0) {
    listing_.notes.push_back(
        fmt::format("{}: {} record(s) without text are left out", where_, grouped(blank_)));
  }
  if (several_) listing_.target = Target::multi_label;
  if (!several_ && first_without_ != 0) {
    fail_unreadable("{}, {} {}: there is no label, and no record has several; expected one label",
                    where_, unit_, first_without_);
  }
  numbers_.clear();
  if (!several_) read_values();
  if (!listing_.regression()) name_classes();
  texts_.bytes.shrink_to_fit();
  texts_.ends.shrink_to_fit();
  texts_.firsts.shrink_to_fit();
  listing_.text = [texts = std::make_shared<const Texts>(std::move(texts_))](int64_t i) {
    return texts->record(static_cast<size_t>(i));
  };
  return std::move(listing_);
}

/// When all labels are numbers, samples have values; when one of them is not whole, nothing else.
void TextRecords::read_values() {
  std::vector<double> values;
  bool whole = true;
  for (const auto& name : names_) {
    const auto value = number_in(name);
    if (!value) return;
    values.push_back(*value);
    whole = whole && *value == std::floor(*value);
  }
  for (Sample& sample : listing_.samples) {
    sample.value = static_cast<float>(values[static_cast<size_t>(sample.labels.front())]);
  }
  if (!whole) become_regression(listing_);
}

/// Classes stand in the order of their names from here on.
void TextRecords::name_classes() {
  std::vector<std::string> unused;
  for (size_t i = 0; i < names_.size(); ++i) {
    (used_[i] ? listing_.classes : unused).push_back(names_[i]);
  }
  sort_names(listing_.classes);
  std::unordered_map<std::string, int> positions;
  for (size_t i = 0; i < listing_.classes.size(); ++i) {
    positions.emplace(listing_.classes[i], static_cast<int>(i));
  }
  std::vector<int> position_of;
  for (const auto& name : names_) {
    const auto found = positions.find(name);
    position_of.push_back(found == positions.end() ? -1 : found->second);
  }
  for (Sample& sample : listing_.samples) {
    for (int& label : sample.labels) label = position_of[static_cast<size_t>(label)];
    std::sort(sample.labels.begin(), sample.labels.end());
  }
  listing_.empty_classes = std::move(unused);
}

}  // namespace graft::data
