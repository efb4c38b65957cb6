#include <fmt/format.h>

#include <algorithm>

#include "graft/data/check.h"
#include "graft/data/names.h"

namespace graft::data {
namespace {

constexpr double kStrongImbalance = 10;

int64_t count_across(const std::vector<Twins>& groups) {
  return std::count_if(groups.begin(), groups.end(),
                       [](const Twins& t) { return t.across_splits; });
}

int64_t count_contradicting(const std::vector<Twins>& groups) {
  return std::count_if(groups.begin(), groups.end(),
                       [](const Twins& t) { return t.different_labels; });
}

Json place_json(const Place& place, const std::vector<ClassCount>& classes) {
  Json labels = Json::array();
  for (const int label : place.labels) labels.push_back(classes[static_cast<size_t>(label)].name);
  return {{"split", split_name(place.split)}, {"id", place.id}, {"labels", labels}};
}

std::string place_text(const Place& place) {
  const std::string split = split_name(place.split);
  return place.id.starts_with(split + "/") ? place.id : fmt::format("{} ({})", place.id, split);
}

std::string twins_text(const Twins& group) {
  std::vector<std::string> places;
  places.reserve(group.places.size());
  for (const Place& place : group.places) places.push_back(place_text(place));
  return fmt::format("{}{}{}{}",
                     group.excerpt.empty() ? "" : "'" + group.excerpt + "': ", join_some(places, 4),
                     group.across_splits ? "; in different splits" : "",
                     group.different_labels ? "; with different labels" : "");
}

/// A heading and its first examples; nothing for an empty list.
template <typename Items, typename Show>
std::string section(const std::string& heading, const Items& items, size_t most, const Show& show) {
  if (items.empty()) return "";
  std::string text =
      fmt::format("\n{} ({})\n", heading, grouped(static_cast<int64_t>(items.size())));
  for (size_t i = 0; i < std::min(most, items.size()); ++i) text += "  " + show(items[i]) + "\n";
  if (items.size() > most)
    text += fmt::format("  and {} more\n", grouped(static_cast<int64_t>(items.size() - most)));
  return text;
}

std::string class_table(const std::vector<ClassCount>& classes, const char* heading) {
  size_t width = 5;
  for (const auto& item : classes) width = std::max(width, item.name.size());
  std::string text =
      fmt::format("{:<{}} {:>9} {:>11} {:>9}\n", heading, width, "train", "validation", "test");
  for (const auto& item : classes) {
    text += fmt::format("{:<{}} {:>9} {:>11} {:>9}\n", item.name, width, grouped(item.train),
                        grouped(item.validation), grouped(item.test));
  }
  return text;
}

/// Those that cross a border come first: they are what spoils a result.
std::vector<Twins> worst_first(std::vector<Twins> groups) {
  std::stable_sort(groups.begin(), groups.end(), [](const Twins& a, const Twins& b) {
    return (a.across_splits + a.different_labels) > (b.across_splits + b.different_labels);
  });
  return groups;
}

std::string sizes_text(const CheckReport& r) {
  if (r.content == Content::images) {
    return fmt::format("shorter side {} to {} pixels, median {}", r.min_side, r.max_side,
                       r.median_side);
  }
  return fmt::format("{} to {} characters, median {}", grouped(r.min_characters),
                     grouped(r.max_characters), grouped(r.median_characters));
}

void add_problems(const BoxReport& r, std::vector<std::string>& found) {
  const auto say = [&](int64_t count, const char* what) {
    if (count > 0) found.push_back(fmt::format("{} {}", grouped(count), what));
  };
  say(r.dropped_boxes,
      "box(es) are left out: a side is below one pixel, or a coordinate is no number");
  say(static_cast<int64_t>(r.outside.size()),
      "picture(s) are smaller than the data say, so that boxes leave them");
  say(r.cut_boxes, "box(es) reach out of their picture and are cut at its borders");
  say(static_cast<int64_t>(r.repeated.size()), "picture(s) have the same box twice");
  if (r.boxes == r.crowds) found.emplace_back("there is no box to learn from");
}

std::string boxes_text(const BoxReport& r, size_t examples) {
  std::string text = fmt::format(
      "\n{}\n{} boxes ({} small, {} medium, {} large as COCO says); square roots of areas {:.0f} "
      "to "
      "{:.0f} pixels, median {:.0f}; {} crowds, {} difficult\n",
      class_table(r.classes, "boxes"), grouped(r.boxes), grouped(r.small), grouped(r.medium),
      grouped(r.large), r.min_side, r.max_side, r.median_side, grouped(r.crowds),
      grouped(r.difficult));
  text += section("pictures with boxes that are left out", r.dropped, examples, place_text);
  text += section("pictures with boxes that are cut", r.cut, examples, place_text);
  text += section("pictures that are smaller than the data say", r.outside, examples, place_text);
  text += section("pictures with the same box twice", r.repeated, examples, place_text);
  text += section("pictures without boxes", r.bare, examples, place_text);
  return text;
}

Json counts_json(const std::vector<ClassCount>& classes) {
  Json counts = Json::array();
  for (const auto& item : classes) {
    counts.push_back({{"name", item.name},
                      {"train", item.train},
                      {"validation", item.validation},
                      {"test", item.test}});
  }
  return counts;
}

}  // namespace

std::vector<std::string> CheckReport::problems() const {
  std::vector<std::string> found;
  const char* one = content == Content::texts ? "text" : "picture";
  if (!unreadable.empty()) {
    found.push_back(fmt::format("{} picture(s) cannot be read",
                                grouped(static_cast<int64_t>(unreadable.size()))));
  }
  if (const int64_t n = count_across(duplicates)) {
    found.push_back(
        fmt::format("{} {}(s) are in more than one split, so what is measured was also learned",
                    grouped(n), one));
  }
  if (const int64_t n = count_contradicting(duplicates)) {
    found.push_back(
        fmt::format("{} {}(s) are there several times with different labels", grouped(n), one));
  }
  if (!ill_formed.empty()) {
    found.push_back(fmt::format(
        "{} of {} entities begin with a tag that says they go on (I-X behind no B-X); they count "
        "as entities of their own",
        grouped(without_beginning), grouped(entities)));
  }
  if (!empty_classes.empty()) {
    found.push_back(
        fmt::format("class(es) without a sample to train on: {}", join_some(empty_classes)));
  }
  if (boxes) add_problems(*boxes, found);
  if (imbalance > kStrongImbalance && !tagged && !boxes) {
    found.push_back(
        fmt::format("the largest class has {:.0f} times as many samples as the smallest; consider "
                    "sampling.balanced=true or class weights",
                    imbalance));
  }
  return found;
}

Json CheckReport::json() const {
  const Json counts = counts_json(classes);
  const auto places = [&](const std::vector<Place>& list) {
    Json out = Json::array();
    for (size_t i = 0; i < std::min(list.size(), kListed); ++i) {
      out.push_back(place_json(list[i], classes));
    }
    return out;
  };
  const auto groups = [&](const std::vector<Twins>& list) {
    Json out = Json::array();
    for (size_t i = 0; i < std::min(list.size(), kListed); ++i) {
      const Twins& group = list[i];
      out.push_back({{"samples", places(group.places)},
                     {"across_splits", group.across_splits},
                     {"different_labels", group.different_labels}});
      if (!group.excerpt.empty()) out.back()["text"] = group.excerpt;
    }
    return out;
  };
  Json broken = Json::array();
  for (size_t i = 0; i < std::min(unreadable.size(), kListed); ++i) {
    const Unreadable& item = unreadable[i];
    broken.push_back(place_json(item.place, classes));
    broken.back()["reason"] = item.reason;
  }
  Json json = {{"samples", samples},
               {"problems", problems()},
               {"classes", counts},
               {"empty_classes", empty_classes},
               {"imbalance", imbalance}};
  if (values) {
    json["value"] = {{"min", min_value}, {"median", median_value}, {"max", max_value}};
  }
  if (tagged) {
    json["words"] = {{"count", words},
                     {"entities", entities},
                     {"without_beginning", without_beginning},
                     {"ill_formed", places(ill_formed)}};
  }
  if (content == Content::texts) {
    json["characters"] = {
        {"min", min_characters}, {"median", median_characters}, {"max", max_characters}};
    json["counts"] = {{"duplicates", duplicates.size()},
                      {"short", short_texts.size()},
                      {"long", long_texts.size()}};
    json["duplicates"] = groups(duplicates);
    json["short"] = places(short_texts);
    json["long"] = places(long_texts);
  } else {
    json["shorter_side"] = {{"min", min_side}, {"median", median_side}, {"max", max_side}};
    json["counts"] = {{"unreadable", unreadable.size()},
                      {"duplicates", duplicates.size()},
                      {"look_alikes", look_alikes.size()},
                      {"tiny", tiny.size()},
                      {"odd", odd.size()}};
    json["unreadable"] = broken;
    json["duplicates"] = groups(duplicates);
    json["look_alikes"] = groups(look_alikes);
    json["tiny"] = places(tiny);
    json["odd"] = places(odd);
  }
  if (boxes) {
    const BoxReport& r = *boxes;
    json["boxes"] = {
        {"count", r.boxes},
        {"crowds", r.crowds},
        {"difficult", r.difficult},
        {"small", r.small},
        {"medium", r.medium},
        {"large", r.large},
        {"side", {{"min", r.min_side}, {"median", r.median_side}, {"max", r.max_side}}},
        {"classes", counts_json(r.classes)},
        {"left_out", r.dropped_boxes},
        {"cut", r.cut_boxes}};
    json["with_boxes_left_out"] = places(r.dropped);
    json["with_boxes_cut"] = places(r.cut);
    json["smaller_than_said"] = places(r.outside);
    json["with_a_box_twice"] = places(r.repeated);
    json["without_boxes"] = places(r.bare);
  }
  json["notes"] = notes;
  return json;
}

std::string CheckReport::text(size_t examples) const {
  std::string text = class_table(classes, records || pairs ? ""
                                          : tagged         ? "tag"
                                          : boxes          ? "pictures"
                                                           : "class");
  text += fmt::format("\n{} samples; {}", grouped(samples), sizes_text(*this));
  if (values) {
    text += fmt::format("; values of train {:g} to {:g}, median {:g}", min_value, max_value,
                        median_value);
  } else if (tagged) {
    text += fmt::format("; {} words, {} entities", grouped(words), grouped(entities));
  } else if (!records && !pairs) {
    text += fmt::format("; largest class / smallest class {:.1f}", imbalance);
  }
  text += "\n";
  if (boxes) text += boxes_text(*boxes, examples);
  for (const auto& note : notes) text += "note: " + note + "\n";
  const auto found = problems();
  if (found.empty())
    text += fmt::format("\nno problems were found{}\n",
                        notes.empty() ? "" : " besides what the notes say");
  text += section("problems", found, found.size(), [](const std::string& line) { return line; });
  text += section("unreadable", unreadable, examples, [](const Unreadable& item) {
    return place_text(item.place) + ": " + item.reason;
  });
  text += section(content == Content::texts ? "groups of texts that differ in white space at most"
                                            : "groups of equal pictures",
                  worst_first(duplicates), examples, twins_text);
  text +=
      section("groups of pictures that look alike", worst_first(look_alikes), examples, twins_text);
  text +=
      section(fmt::format("shorter side below {} pixels", kTinySide), tiny, examples, place_text);
  text += section(fmt::format("longer side more than {:.0f} times the shorter", kOddProportion),
                  odd, examples, place_text);
  text += section("entities that go on and do not begin", ill_formed, examples, place_text);
  text += section(fmt::format("fewer than {} characters", kShortText), short_texts, examples,
                  place_text);
  text += section(fmt::format("more than {} characters", grouped(kLongText)), long_texts, examples,
                  place_text);
  return text;
}

}  // namespace graft::data
