#include "graft/data/check_records.h"

#include <algorithm>

#include "graft/base/error.h"
#include "graft/base/utf8.h"
#include "graft/data/check_samples.h"
#include "graft/data/names.h"

namespace graft::data {
namespace {

constexpr const char* kGreen = "\033[32m";
constexpr const char* kDim = "\033[2m";
constexpr const char* kPlain = "\033[0m";
constexpr size_t kShownPart = 600;  // bytes

struct Examined {
  texts::ExaminedRecord record;
  std::string refused;
};

/// `text` with line ends and without what a terminal would obey; the middle of a long one is left
/// out.
std::string readable(const std::string& text) {
  const auto clean = [](std::string_view part) {
    std::string result;
    for (size_t at = 0; at < part.size();) {
      const size_t end = std::min(part.find_first_of("\n\t", at), part.size());
      result += printable(part.substr(at, end - at));
      if (end < part.size()) result += part[end];
      at = end + 1;
    }
    return result;
  };
  if (text.size() <= kShownPart) return clean(text);
  const auto border = [&](size_t at) {
    while (at > 0 && !starts_character(text[at])) --at;
    return at;
  };
  const size_t first = border(kShownPart / 2);
  const size_t last = border(text.size() - kShownPart / 2);
  return clean(std::string_view(text).substr(0, first)) + " […] " +
         clean(std::string_view(text).substr(last));
}

std::string record_text(const ShownRecord& record, bool colour) {
  std::string text;
  for (const texts::RecordPart& part : record.parts) {
    const std::string shown = readable(part.text);
    if (colour) {
      text += (part.learned ? kGreen : kDim) + shown + kPlain;
    } else {
      text += part.learned ? "⟦" + shown + "⟧" : shown;
    }
  }
  return text;
}

Json places_json(const std::vector<Place>& places) {
  Json list = Json::array();
  for (size_t i = 0; i < std::min(places.size(), CheckReport::kListed); ++i)
    list.push_back({{"split", split_name(places[i].split)}, {"id", places[i].id}});
  return list;
}

std::string count(size_t number) {
  return grouped(static_cast<int64_t>(number));
}

}  // namespace

RecordReport check_records(const Dataset& dataset, const texts::RecordEncoder& encoder, int threads,
                           size_t shown, const std::function<void(int64_t, int64_t)>& progress) {
  RecordReport report;
  report.notes = encoder.notes();
  report.max_length = encoder.preprocess().max_length;
  const CheckedSamples samples(dataset);
  report.records = samples.size();
  std::vector<Examined> examined(static_cast<size_t>(samples.size()));
  samples.for_each(threads, progress, [&](int64_t i) {
    Examined& seen = examined[static_cast<size_t>(i)];
    try {
      const texts::Record record =
          texts::parse_record(samples.source().text(samples.index(i)).first);
      seen.record = encoder.examine(record);
      // Of most records only what was found is kept.
      if (i >= static_cast<int64_t>(shown)) seen.record.tokens = {};
    } catch (const Error& error) {
      seen.refused = printable(error.what());
    }
  });
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < samples.size(); ++i) {
    const Examined& seen = examined[static_cast<size_t>(i)];
    const texts::ExaminedRecord& record = seen.record;
    const Place place = samples.place(i);
    if (!seen.refused.empty()) {
      report.refused.push_back({place, seen.refused});
      continue;
    }
    lengths.push_back(record.whole_length);
    report.tokens += record.length;
    report.learned += record.learned;
    if (record.learned == 0) report.nothing.push_back(place);
    if (record.length < record.whole_length) report.cut.push_back(place);
    if (record.double_bos) report.double_bos.push_back(place);
    if (record.no_end) report.no_end.push_back(place);
    if (record.end_added) report.end_added.push_back(place);
    if (!record.rewritten.empty()) report.rewritten.push_back(place);
    if (i < static_cast<int64_t>(shown))
      report.shown.push_back({place, record.length, record.learned, encoder.parts(record.tokens)});
  }
  std::sort(lengths.begin(), lengths.end());
  if (!lengths.empty()) {
    report.min_tokens = lengths.front();
    report.median_tokens = lengths[lengths.size() / 2];
    report.max_tokens = lengths.back();
  }
  return report;
}

std::vector<std::string> RecordReport::problems() const {
  std::vector<std::string> found;
  const auto add = [&](const std::vector<Place>& places, const std::string& what) {
    if (places.empty()) return;
    found.push_back(fmt::format("{} record(s) {}; the first is {}", count(places.size()), what,
                                places.front().id));
  };
  if (!refused.empty()) {
    found.push_back(fmt::format("{} record(s) cannot be used; the first is {}: {}",
                                count(refused.size()), refused.front().place.id,
                                refused.front().reason));
  }
  add(nothing,
      "have nothing to learn (or nothing is left within train.max_length) and are left out");
  add(double_bos, "begin with bos_token twice: take it out of the texts, or of the chat template");
  add(no_end,
      "have a learned text without an end behind it, after which the model will not stop: end the "
      "turns in the chat template, and spelled-out texts with eos_token");
  add(end_added,
      "have an answer that the chat template does not end: eos_token was put behind it, and "
      "whoever uses the model has to stop there");
  add(rewritten,
      "have answers that the chat template shows otherwise once the conversation goes on (it drops "
      "thoughts, for instance): chat.last_only=true learns the last answer only");
  add(cut, fmt::format("have more than {} tokens and are cut (train.max_length; of documents, "
                       "data.columns.piece)",
                       grouped(max_length)));
  return found;
}

Json RecordReport::json() const {
  Json broken = Json::array();
  for (size_t i = 0; i < std::min(refused.size(), CheckReport::kListed); ++i) {
    const Place& place = refused[i].place;
    broken.push_back(
        {{"split", split_name(place.split)}, {"id", place.id}, {"reason", refused[i].reason}});
  }
  Json first = Json::array();
  for (const ShownRecord& record : shown) {
    Json parts = Json::array();
    for (const texts::RecordPart& part : record.parts)
      parts.push_back({{"text", part.text}, {"learned", part.learned}});
    first.push_back({{"split", split_name(record.place.split)},
                     {"id", record.place.id},
                     {"tokens", record.tokens},
                     {"learned", record.learned},
                     {"parts", parts}});
  }
  return {{"records", records},
          {"tokens", tokens},
          {"learned", learned},
          {"length", {{"min", min_tokens}, {"median", median_tokens}, {"max", max_tokens}}},
          {"max_length", max_length},
          {"problems", problems()},
          {"counts",
           {{"refused", refused.size()},
            {"nothing", nothing.size()},
            {"cut", cut.size()},
            {"double_bos", double_bos.size()},
            {"no_end", no_end.size()},
            {"end_added", end_added.size()},
            {"rewritten", rewritten.size()}}},
          {"refused", broken},
          {"nothing", places_json(nothing)},
          {"cut", places_json(cut)},
          {"double_bos", places_json(double_bos)},
          {"no_end", places_json(no_end)},
          {"end_added", places_json(end_added)},
          {"rewritten", places_json(rewritten)},
          {"first", first},
          {"notes", notes}};
}

std::string RecordReport::text(bool colour, size_t examples) const {
  std::string text;
  for (const ShownRecord& record : shown) {
    text +=
        fmt::format("\n{}: {} tokens, {} of them learned\n{}\n", record.place.id,
                    grouped(record.tokens), grouped(record.learned), record_text(record, colour));
  }
  text += fmt::format(
      "\n{} records as tokens: {} in all, {} learned ({:.0f} %); {} to {} a record, median {}\n",
      grouped(records), grouped(tokens), grouped(learned),
      tokens > 0 ? 100.0 * static_cast<double>(learned) / static_cast<double>(tokens) : 0.0,
      grouped(min_tokens), grouped(max_tokens), grouped(median_tokens));
  for (const auto& note : notes) text += "note: " + note + "\n";
  const auto found = problems();
  text += found.empty() ? "\nno problems were found in the tokens\n"
                        : fmt::format("\nproblems in the tokens ({})\n", found.size());
  for (const auto& line : found) text += "  " + line + "\n";
  const auto list = [&](const char* heading, const std::vector<Place>& places) {
    if (places.size() < 2) return;
    text += fmt::format("\n{} ({})\n", heading, count(places.size()));
    for (size_t i = 0; i < std::min(examples, places.size()); ++i)
      text += "  " + places[i].id + "\n";
    if (places.size() > examples)
      text += fmt::format("  and {} more\n", count(places.size() - examples));
  };
  list("nothing to learn", nothing);
  list("more tokens than train.max_length", cut);
  return text;
}

}  // namespace graft::data
