#include "graft/data/box_listing.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/parallel.h"
#include "graft/data/names.h"
#include "graft/image/codec.h"

namespace graft::data {
namespace fs = std::filesystem;
namespace {

/// A box that reaches out by less was rounded when it was written.
constexpr double kRounding = 0.5;

bool finite(const std::array<double, 4>& corners) {
  return std::all_of(corners.begin(), corners.end(), [](double v) { return std::isfinite(v); });
}

}  // namespace

int BoxListing::class_of(const std::string& name) {
  const std::string shown = name.empty() ? "unnamed" : printable(name);
  const auto [place, fresh] = numbers_.emplace(shown, static_cast<int>(names_.size()));
  if (fresh) names_.push_back(shown);
  return place->second;
}

/// A picture whose header cannot be read keeps 0 x 0; reading it whole will name it.
void BoxListing::find_sizes() {
  std::vector<FilePicture*> unknown;
  for (FilePicture& picture : pictures_) {
    if (picture.size.width <= 0 || picture.size.height <= 0) unknown.push_back(&picture);
  }
  if (unknown.empty()) return;
  ThreadPool pool(usable_cores());
  pool.for_each(static_cast<int64_t>(unknown.size()), [&](int64_t i) {
    FilePicture& picture = *unknown[static_cast<size_t>(i)];
    picture.size = {};
    try {
      picture.size = image::probe(picture.file);
    } catch (const Error&) {
      picture.size = {};
    }
  });
}

void BoxListing::place_boxes(const FilePicture& picture, Sample& sample) {
  const bool known = picture.size.width > 0;
  const double width = picture.size.width, height = picture.size.height;
  for (const FileBox& one : picture.boxes) {
    std::array<double, 4> at = one.corners;
    if (picture.shares) at = {at[0] * width, at[1] * height, at[2] * width, at[3] * height};
    const std::array<double, 4> whole = at;
    if (known) {
      at = {std::clamp(at[0], 0.0, width), std::clamp(at[1], 0.0, height),
            std::clamp(at[2], 0.0, width), std::clamp(at[3], 0.0, height)};
    }
    if (!finite(whole) || at[2] - at[0] < 1 || at[3] - at[1] < 1 || (picture.shares && !known)) {
      ++sample.dropped_boxes;
      continue;
    }
    bool moved = false;
    for (size_t i = 0; i < 4; ++i) moved = moved || std::abs(whole[i] - at[i]) > kRounding;
    sample.cut_boxes += moved;
    image::BoxLabel label;
    label.box = {static_cast<float>(at[0]), static_cast<float>(at[1]), static_cast<float>(at[2]),
                 static_cast<float>(at[3])};
    label.label = one.label;
    label.crowd = one.crowd;
    label.difficult = one.difficult;
    label.area = std::isfinite(one.area) ? static_cast<float>(one.area) : label.box.area();
    crowds_ += one.crowd;
    difficult_ += one.difficult;
    sample.boxes.push_back(label);
  }
  cut_ += sample.cut_boxes;
  dropped_ += sample.dropped_boxes;
  without_ += sample.boxes.empty();
  if (sample.cut_boxes > 0 && first_cut_.empty()) first_cut_ = sample.id;
  if (sample.dropped_boxes > 0 && first_dropped_.empty()) first_dropped_ = sample.id;
}

/// Classes that boxes have, by name.
void BoxListing::settle_classes() {
  std::vector<bool> used(names_.size(), false);
  for (const Sample& sample : listing_.samples) {
    for (const image::BoxLabel& box : sample.boxes) used[static_cast<size_t>(box.label)] = true;
  }
  for (size_t i = 0; i < names_.size(); ++i)
    (used[i] ? listing_.classes : listing_.empty_classes).push_back(names_[i]);
  sort_names(listing_.classes);
  labels_.assign(names_.size(), -1);
  for (size_t c = 0; c < listing_.classes.size(); ++c)
    labels_[static_cast<size_t>(numbers_.at(listing_.classes[c]))] = static_cast<int>(c);
  for (Sample& sample : listing_.samples) relabel_sample(sample, labels_, /*ordered=*/false);
}

void BoxListing::write_notes() {
  const auto say = [this](int64_t count, const std::string& text) {
    if (count > 0) listing_.notes.push_back(fmt::format("{} {}", grouped(count), text));
  };
  say(cut_, fmt::format("box(es) reach out of their picture and are cut at its borders, the first "
                        "in {}",
                        first_cut_));
  say(dropped_, fmt::format("box(es) are left out, because a side is below one pixel or a "
                            "coordinate is no number, the first in {}",
                            first_dropped_));
  say(crowds_, "box(es) stand for crowds: nothing inside them counts as wrong");
  say(difficult_, "box(es) are difficult: they need not be found");
  say(without_, "picture(s) have no box: all of them is background");
}

Listing BoxListing::finish() {
  if (pictures_.empty()) fail_unreadable("{} lists no picture", where_);
  std::vector<fs::path> files;
  files.reserve(pictures_.size());
  for (const FilePicture& picture : pictures_) files.push_back(picture.file);
  expect_some_file(files, root_, where_);
  find_sizes();
  for (FilePicture& picture : pictures_) {
    Sample sample;
    sample.id = printable(picture.id);
    place_boxes(picture, sample);
    listing_.samples.push_back(std::move(sample));
    listing_.splits.push_back(picture.split);
    picture.boxes.clear();
  }
  settle_classes();
  write_notes();
  listing_.target = Target::boxes;
  listing_.load = [files = std::move(files)](int64_t i) {
    return image::load(files[static_cast<size_t>(i)]);
  };
  return std::move(listing_);
}

void expect_some_file(const std::vector<fs::path>& files, const fs::path& root,
                      const std::string& where) {
  constexpr size_t kTried = 20;
  const auto last = files.begin() + static_cast<std::ptrdiff_t>(std::min(files.size(), kTried));
  if (std::none_of(files.begin(), last, [](const fs::path& file) { return fs::exists(file); })) {
    fail_unreadable(
        "{}: none of its first pictures exists, for instance {}; paths are relative to {} "
        "(data.columns.root names another folder)",
        where, printable(files.front().string()), root.empty() ? "." : root.string());
  }
}

}  // namespace graft::data
