#include <algorithm>
#include <functional>
#include <string>

#include "graft/base/rng.h"
#include "graft/base/utf8.h"
#include "graft/data/check_samples.h"
#include "graft/data/names.h"
#include "graft/text/chat/record.h"

namespace graft::data {
namespace {

struct Examined {
  std::array<uint64_t, 2> print{};
  int64_t characters = 0;
};

/// Runs of white space become one blank, and none is left at the ends.
void append_plain(const std::string& text, std::string& plain) {
  const size_t start = plain.size();
  for (const char c : text) {
    const bool blank = c == ' ' || (c >= '\t' && c <= '\r');
    if (!blank) {
      plain += c;
    } else if (plain.size() > start && plain.back() != ' ') {
      plain += ' ';
    }
  }
  if (plain.size() > start && plain.back() == ' ') plain.pop_back();
}

/// The texts of a sample are kept apart by a character that none has.
std::string plain_text(const Text& text) {
  std::string plain;
  append_plain(text.first, plain);
  const auto add = [&plain](const std::string& more) {
    plain += '\0';
    append_plain(more, plain);
  };
  if (text.second) add(*text.second);
  for (const auto& negative : text.negatives) add(negative);
  return plain;
}

int64_t characters_in(const std::string& text) {
  return std::count_if(text.begin(), text.end(), starts_character);
}

/// FNV-1a beside the library's hash: 128 bits, no attack is defended against.
std::array<uint64_t, 2> print_of(const std::string& text) {
  return {std::hash<std::string>()(text), hash_text(text) | 1};
}

Examined examine(const Text& text) {
  Examined seen;
  seen.characters = characters_in(text.first);
  if (text.second) seen.characters += characters_in(*text.second);
  for (const auto& negative : text.negatives) seen.characters += characters_in(negative);
  seen.print = print_of(plain_text(text));
  return seen;
}

std::string excerpt_of(const Text& text) {
  constexpr size_t kBytes = 60;
  std::string plain;
  append_plain(text.first, plain);
  if (plain.size() <= kBytes) return printable(plain);
  size_t end = kBytes;
  while (end > 0 && !starts_character(plain[end])) --end;
  return printable(plain.substr(0, end)) + "…";
}

}  // namespace

CheckReport check_texts(const Dataset& dataset, int threads,
                        const std::function<void(int64_t, int64_t)>& progress) {
  CheckReport report;
  const CheckedSamples samples(dataset);
  samples.describe(report);
  if (report.tagged) check_words(samples, dataset.classes, report);
  std::vector<Examined> examined(static_cast<size_t>(samples.size()));
  const auto text_of = [&](int64_t i) {
    Text text = samples.source().text(samples.index(i));
    if (report.records) text.first = texts::record_words(texts::parse_record(text.first));
    return text;
  };
  samples.for_each(threads, progress,
                   [&](int64_t i) { examined[static_cast<size_t>(i)] = examine(text_of(i)); });

  std::vector<int64_t> lengths;
  std::vector<std::array<uint64_t, 2>> prints;
  for (int64_t i = 0; i < samples.size(); ++i) {
    const Examined& seen = examined[static_cast<size_t>(i)];
    lengths.push_back(seen.characters);
    prints.push_back(seen.print);
    if (seen.characters < CheckReport::kShortText) report.short_texts.push_back(samples.place(i));
    if (seen.characters > CheckReport::kLongText) report.long_texts.push_back(samples.place(i));
  }
  std::sort(lengths.begin(), lengths.end());
  if (!lengths.empty()) {
    report.min_characters = lengths.front();
    report.median_characters = lengths[lengths.size() / 2];
    report.max_characters = lengths.back();
  }
  for (const auto& group : samples.equal_groups(prints)) {
    report.duplicates.push_back(samples.twins(group));
    report.duplicates.back().excerpt = excerpt_of(text_of(group.front()));
  }
  return report;
}

}  // namespace graft::data
