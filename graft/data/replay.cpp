#include "graft/data/replay.h"

#include <map>

#include "graft/base/error.h"
#include "graft/data/names.h"
#include "graft/data/relabel.h"
#include "graft/data/sampling.h"

namespace graft::data {
namespace {

/// Two sources, one behind the other.
class Joined final : public Source {
 public:
  Joined(std::shared_ptr<const Source> first, std::shared_ptr<const Source> second)
      : first_(std::move(first)), second_(std::move(second)) {}
  Content content() const override { return first_->content(); }
  int64_t size() const override { return first_->size() + second_->size(); }
  const Sample& sample(int64_t i) const override {
    return i < begin() ? first_->sample(i) : second_->sample(i - begin());
  }
  image::Image load(int64_t i) const override {
    return i < begin() ? first_->load(i) : second_->load(i - begin());
  }
  Text text(int64_t i) const override {
    return i < begin() ? first_->text(i) : second_->text(i - begin());
  }
  int64_t begin() const { return first_->size(); }

 private:
  std::shared_ptr<const Source> first_, second_;
};

}  // namespace

void add_replay(Dataset& dataset, Dataset earlier, std::optional<int64_t> samples) {
  const auto content = [](const Dataset& data) { return data.train.source->content(); };
  if (dataset.target != earlier.target || content(dataset) != content(earlier))
    fail_usage("data.replay must be data of the same kind as those that are learned now");
  const std::vector<std::string> classes = joined_classes(dataset.classes, earlier.classes);
  if (dataset.target != Target::regression) {
    relabel(dataset, classes);
    relabel(earlier, classes);
  }
  if (samples && *samples < earlier.train.size()) {
    std::vector<int64_t> chosen = spread_order(earlier.train.strata(classes.size()));
    chosen.resize(static_cast<size_t>(*samples));
    earlier.train = earlier.train.pick(chosen);
  }
  dataset.notes.push_back(
      fmt::format("{} earlier samples (data.replay) are learned beside {} new ones",
                  grouped(earlier.train.size()), grouped(dataset.train.size())));
  std::map<std::pair<const Source*, const Source*>, std::shared_ptr<const Joined>> done;
  for (View Dataset::* part : {&Dataset::train, &Dataset::validation, &Dataset::test}) {
    View& now = dataset.*part;
    const View& old = earlier.*part;
    if (old.empty()) continue;
    const auto& first = now.source ? now.source : dataset.train.source;
    auto& joined = done[{first.get(), old.source.get()}];
    if (!joined) joined = std::make_shared<const Joined>(first, old.source);
    for (const int64_t index : old.indices) now.indices.push_back(joined->begin() + index);
    now.source = joined;
  }
}

int64_t replay_begin(const View& view) {
  const auto* joined = dynamic_cast<const Joined*>(&behind_relabelling(*view.source));
  return joined ? joined->begin() : view.source->size();
}

void open_replay(Dataset& dataset, const Json& replay, uint64_t seed) {
  Json data = replay.is_string() ? Json{{"path", replay}} : replay;
  if (!data.is_object())
    fail_usage("data.replay must be a path, or a mapping such as {{path: old, samples: 100}}");
  std::optional<int64_t> samples;
  if (data.contains("samples")) {
    if (!data["samples"].is_number_integer() || data["samples"].get<int64_t>() < 1) {
      fail_usage("data.replay.samples must be a whole number from 1 on, got {}",
                 data["samples"].dump());
    }
    samples = data["samples"].get<int64_t>();
    data.erase("samples");
  }
  add_replay(dataset, open_dataset(data, seed), samples);
}

}  // namespace graft::data
