#include "graft/data/tagged_texts.h"

#include <memory>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"

namespace graft::data {

Text TaggedTexts::Texts::text(size_t i) const {
  const auto part = [i](const std::vector<uint64_t>& parts) {
    const uint64_t begin = i == 0 ? 0 : parts[i - 1];
    return std::pair{begin, parts[i] - begin};
  };
  const auto [begin, length] = part(ends);
  const auto [first, count] = part(word_ends);
  Text text{bytes.substr(begin, length)};
  const auto own = std::span(words).subspan(first, count);
  text.words.assign(own.begin(), own.end());
  return text;
}

TaggedTexts::TaggedTexts(std::string where, std::string unit)
    : where_(std::move(where)), unit_(std::move(unit)) {
  listing_.target = Target::token_classes;
}

void TaggedTexts::add(int64_t number, std::string_view text, std::span<const texts::Span> words,
                      std::span<const std::string> tags, Split split, std::string_view id) {
  GRAFT_ASSERT(words.size() == tags.size());
  if (words.empty()) {
    ++empty_;
    return;
  }
  if (text.size() > kMaxRecordBytes) {
    fail_unreadable(
        "{}, {} {}: the text is longer than {} MiB; is a blank line between sentences "
        "missing?",
        where_, unit_, number, kMaxRecordBytes >> 20);
  }
  texts_.bytes += text;
  texts_.words.insert(texts_.words.end(), words.begin(), words.end());
  texts_.ends.push_back(texts_.bytes.size());
  texts_.word_ends.push_back(texts_.words.size());

  Sample sample{id.empty() ? fmt::format("{}:{}", unit_, number) : printable(id), {}};
  sample.labels.reserve(tags.size());
  for (const std::string& tag : tags) {
    const auto next = static_cast<int>(numbers_.size());
    const auto [entry, added] = numbers_.try_emplace(printable(tag), next);
    if (added) listing_.classes.push_back(entry->first);
    sample.labels.push_back(entry->second);
  }
  listing_.samples.push_back(std::move(sample));
  listing_.splits.push_back(split);
}

void TaggedTexts::add(int64_t number, std::span<const std::string> words,
                      std::span<const std::string> tags, Split split, std::string_view id) {
  std::string text;
  std::vector<texts::Span> places;
  for (const std::string& word : words) {
    if (!places.empty()) text += ' ';
    const auto begin = static_cast<uint32_t>(text.size());
    text += word;
    places.push_back({begin, static_cast<uint32_t>(text.size())});
    if (text.size() > kMaxRecordBytes) break;  // refused below, before the places overflow
  }
  add(number, text, places, tags.first(places.size()), split, id);
}

Listing TaggedTexts::finish() {
  if (listing_.samples.empty()) {
    fail_unreadable("{} holds no words with tags{}", where_,
                    empty_ == 0 ? "" : fmt::format("; {} texts have no words", grouped(empty_)));
  }
  if (empty_ > 0) {
    listing_.notes.push_back(
        fmt::format("{}: {} text(s) without words are left out", where_, grouped(empty_)));
  }
  number_classes();
  texts_.bytes.shrink_to_fit();
  texts_.words.shrink_to_fit();
  listing_.text = [texts = std::make_shared<const Texts>(std::move(texts_))](int64_t i) {
    return texts->text(static_cast<size_t>(i));
  };
  return std::move(listing_);
}

/// Tags stand in the order of their names from here on.
void TaggedTexts::number_classes() {
  const std::vector<std::string> met = listing_.classes;
  sort_tags(listing_.classes);
  std::unordered_map<std::string, int> positions;
  for (size_t i = 0; i < listing_.classes.size(); ++i)
    positions.emplace(listing_.classes[i], static_cast<int>(i));
  for (Sample& sample : listing_.samples) {
    for (int& label : sample.labels) label = positions.at(met[static_cast<size_t>(label)]);
  }
}

}  // namespace graft::data
