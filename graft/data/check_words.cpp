#include "graft/data/check_samples.h"
#include "graft/text/tags.h"

namespace graft::data {

void check_words(const CheckedSamples& samples, const std::vector<std::string>& classes,
                 CheckReport& report) {
  const texts::TagSet tags(classes);
  for (int64_t i = 0; i < samples.size(); ++i) {
    const auto& labels = samples.source().sample(samples.index(i)).labels;
    report.words += static_cast<int64_t>(labels.size());
    report.entities += static_cast<int64_t>(tags.entities(labels).size());
    const int64_t bare = tags.without_beginning(labels);
    report.without_beginning += bare;
    if (bare > 0) report.ill_formed.push_back(samples.place(i));
  }
  // Of most entities it is no mistake.
  if (2 * report.without_beginning <= report.entities) return;
  report.ill_formed.clear();
  report.notes.emplace_back(
      "the tags are IOB1: an entity begins with I-X, and with B-X only behind another of its type");
}

}  // namespace graft::data
