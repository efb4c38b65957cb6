#include "graft/data/preferences.h"

#include "graft/base/error.h"
#include "graft/data/names.h"
#include "graft/text/chat/record.h"

namespace graft::data {

void keep_preferences(Dataset& data) {
  if (!data.language()) {
    fail_usage(
        "train.loss=dpo learns which of two answers is the better one, but the data are labelled "
        "samples; give records with 'chosen' and 'rejected', or leave it out");
  }
  data.target = Target::preference;
  for (View* view : {&data.train, &data.validation, &data.test}) {
    std::vector<int64_t> kept;
    std::string reason;
    for (int64_t i = 0; i < view->size(); ++i) {
      const std::string why = texts::why_unpaired(texts::parse_record(view->text(i).first));
      if (why.empty())
        kept.push_back(view->index(i));
      else if (reason.empty())
        reason = fmt::format("{}: {}", view->sample(i).id, why);
    }
    if (kept.empty() && view == &data.train) {
      fail_usage(
          "train.loss=dpo learns from records with a chosen and a rejected answer, but none of the "
          "{} to train on has both ({}); give preferences, or leave train.loss out",
          grouped(view->size()), reason);
    }
    if (static_cast<int64_t>(kept.size()) == view->size()) continue;
    data.notes.push_back(fmt::format(
        "{} of {} records are no pair to choose from and are left out; the first is {}",
        grouped(view->size() - static_cast<int64_t>(kept.size())), grouped(view->size()), reason));
    view->indices = std::move(kept);
  }
}

}  // namespace graft::data
