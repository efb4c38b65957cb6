#include "graft/data/relabel.h"

#include <map>
#include <set>

#include "graft/base/error.h"

namespace graft::data {
namespace {

class Relabelled final : public Source {
 public:
  /// `ordered`: labels are of words, one each.
  Relabelled(std::shared_ptr<const Source> source, const std::vector<int>& mapping, bool ordered)
      : source_(std::move(source)) {
    samples_.reserve(static_cast<size_t>(source_->size()));
    for (int64_t i = 0; i < source_->size(); ++i) {
      Sample sample = source_->sample(i);
      // A source may number classes that the data set leaves out; no view shows their samples.
      relabel_sample(sample, mapping, ordered);
      samples_.push_back(std::move(sample));
    }
  }
  int64_t size() const override { return source_->size(); }
  const Sample& sample(int64_t i) const override { return samples_[static_cast<size_t>(i)]; }
  Content content() const override { return source_->content(); }
  image::Image load(int64_t i) const override { return source_->load(i); }
  Text text(int64_t i) const override { return source_->text(i); }
  const Source& behind() const { return *source_; }

 private:
  std::shared_ptr<const Source> source_;
  std::vector<Sample> samples_;
};

/// Where each of `names` stands in `classes`.
std::vector<int> places_in(const std::vector<std::string>& classes,
                           const std::vector<std::string>& names) {
  std::map<std::string, int> place;
  for (size_t i = 0; i < classes.size(); ++i) place.emplace(classes[i], static_cast<int>(i));
  std::vector<int> places;
  places.reserve(names.size());
  for (const std::string& name : names) {
    const auto found = place.find(name);
    GRAFT_ASSERT(found != place.end());
    places.push_back(found->second);
  }
  return places;
}

}  // namespace

std::vector<std::string> joined_classes(const std::vector<std::string>& first,
                                        const std::vector<std::string>& more) {
  std::vector<std::string> classes = first;
  std::set<std::string> known(first.begin(), first.end());
  for (const std::string& name : more) {
    if (known.insert(name).second) classes.push_back(name);
  }
  return classes;
}

const Source& behind_relabelling(const Source& source) {
  const auto* relabelled = dynamic_cast<const Relabelled*>(&source);
  return relabelled ? behind_relabelling(relabelled->behind()) : source;
}

void relabel(Dataset& dataset, const std::vector<std::string>& classes) {
  const std::vector<int> mapping = places_in(classes, dataset.classes);
  std::map<const Source*, std::shared_ptr<const Source>> done;  // the parts may share a source
  for (View* view : {&dataset.train, &dataset.validation, &dataset.test}) {
    if (!view->source) continue;
    auto& relabelled = done[view->source.get()];
    if (!relabelled)
      relabelled = std::make_shared<Relabelled>(view->source, mapping,
                                                dataset.target == Target::token_classes);
    view->source = relabelled;
  }
  dataset.classes = classes;
}

}  // namespace graft::data
