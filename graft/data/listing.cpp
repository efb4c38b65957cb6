#include "graft/data/listing.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "graft/base/error.h"

namespace graft::data {
namespace {

using Positions = std::unordered_map<std::string, int>;

Positions positions_of(const std::vector<std::string>& classes) {
  Positions positions;
  for (size_t i = 0; i < classes.size(); ++i) positions.emplace(classes[i], static_cast<int>(i));
  return positions;
}

class JoinedSource : public Source {
 public:
  JoinedSource(std::vector<Listing> listings, const std::vector<std::string>& classes) {
    const Positions positions = positions_of(classes);
    for (Listing& listing : listings) {
      starts_.push_back(static_cast<int64_t>(samples_.size()));
      std::vector<int> mapping;
      for (const auto& name : listing.classes) {
        const auto found = positions.find(name);
        mapping.push_back(found == positions.end() ? -1 : found->second);
      }
      for (Sample& sample : listing.samples) {
        relabel_sample(sample, mapping, listing.target == Target::token_classes);
        samples_.push_back(std::move(sample));
      }
      const Content content = listing.text ? Content::texts : Content::images;
      if (parts_.empty()) content_ = content;
      if (content != content_) {
        fail_unreadable("the data mix pictures and texts; give one kind for all splits");
      }
      parts_.push_back({std::move(listing.load), std::move(listing.text)});
    }
  }

  Content content() const override { return content_; }
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  const Sample& sample(int64_t i) const override { return samples_[static_cast<size_t>(i)]; }
  image::Image load(int64_t i) const override {
    if (content_ != Content::images) return Source::load(i);
    const size_t part = part_of(i);
    return parts_[part].load(i - starts_[part]);
  }
  Text text(int64_t i) const override {
    if (content_ != Content::texts) return Source::text(i);
    const size_t part = part_of(i);
    return parts_[part].text(i - starts_[part]);
  }

 private:
  struct Part {
    std::function<image::Image(int64_t)> load;
    std::function<Text(int64_t)> text;
  };
  size_t part_of(int64_t i) const {
    return static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), i) -
                               starts_.begin() - 1);
  }

  Content content_ = Content::images;
  std::vector<Sample> samples_;
  std::vector<int64_t> starts_;  // first sample of each listing
  std::vector<Part> parts_;
};

}  // namespace

std::shared_ptr<const Source> join_listings(std::vector<Listing> listings,
                                            const std::vector<std::string>& classes) {
  return std::make_shared<JoinedSource>(std::move(listings), classes);
}

void keep_samples(Listing& listing, const std::vector<bool>& keep) {
  GRAFT_ASSERT(keep.size() == listing.samples.size());
  auto origin = std::make_shared<std::vector<int64_t>>();
  size_t kept = 0;
  for (size_t i = 0; i < keep.size(); ++i) {
    if (!keep[i]) continue;
    origin->push_back(static_cast<int64_t>(i));
    if (kept != i) {
      listing.samples[kept] = std::move(listing.samples[i]);
      listing.splits[kept] = listing.splits[i];
    }
    ++kept;
  }
  if (kept == keep.size()) return;
  listing.samples.resize(kept);
  listing.splits.resize(kept);
  if (listing.load) {
    listing.load = [origin, load = std::move(listing.load)](int64_t i) {
      return load((*origin)[static_cast<size_t>(i)]);
    };
  }
  if (listing.text) {
    listing.text = [origin, text = std::move(listing.text)](int64_t i) {
      return text((*origin)[static_cast<size_t>(i)]);
    };
  }
}

namespace {

/// Words whose class is not `known` are outside of what is looked for.
int64_t put_outside(Listing& listing, const std::vector<bool>& known, bool outside_known) {
  auto outside = std::find(listing.classes.begin(), listing.classes.end(), "O");
  int64_t count = 0;
  for (Sample& sample : listing.samples) {
    for (int& label : sample.labels) {
      if (known[static_cast<size_t>(label)]) continue;
      if (!outside_known) {
        fail_usage(
            "data.classes lacks the tag '{}' of {}, and \"O\" for words whose tag it lacks; add "
            "one "
            "of them",
            listing.classes[static_cast<size_t>(label)], sample.id);
      }
      if (outside == listing.classes.end())
        outside = listing.classes.insert(listing.classes.end(), "O");
      label = static_cast<int>(outside - listing.classes.begin());
      ++count;
    }
  }
  return count;
}

/// Pictures stay: what else is in them is background.
int64_t drop_boxes(Listing& listing, const std::vector<bool>& known) {
  std::vector<int> mapping;
  for (size_t i = 0; i < known.size(); ++i) mapping.push_back(known[i] ? static_cast<int>(i) : -1);
  int64_t count = 0;
  for (Sample& sample : listing.samples) {
    const size_t before = sample.boxes.size();
    relabel_sample(sample, mapping, /*ordered=*/false);
    count += static_cast<int64_t>(before - sample.boxes.size());
  }
  return count;
}

}  // namespace

int64_t keep_classes(Listing& listing, const std::vector<std::string>& classes) {
  const Positions positions = positions_of(classes);
  std::vector<bool> known;
  known.reserve(listing.classes.size());
  for (const auto& name : listing.classes) known.push_back(positions.contains(name));
  if (listing.target == Target::token_classes)
    return put_outside(listing, known, positions.contains("O"));
  if (listing.target == Target::boxes) return drop_boxes(listing, known);
  std::vector<bool> keep;
  for (Sample& sample : listing.samples) {
    const bool had_labels = !sample.labels.empty();
    std::erase_if(sample.labels, [&](int label) { return !known[static_cast<size_t>(label)]; });
    keep.push_back(!had_labels || !sample.labels.empty());
  }
  keep_samples(listing, keep);
  return std::count(keep.begin(), keep.end(), false);
}

}  // namespace graft::data
