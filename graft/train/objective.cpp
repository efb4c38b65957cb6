#include "graft/train/objective.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/base/options.h"
#include "graft/train/job.h"

namespace graft::train {

namespace objective {
#define OBJECTIVE(name) std::unique_ptr<Objective> name();
#include "graft/train/objectives.def"
#undef OBJECTIVE
}  // namespace objective

const std::vector<std::unique_ptr<Objective>>& objectives() {
  static const std::vector<std::unique_ptr<Objective>> all = [] {
    std::vector<std::unique_ptr<Objective>> list;
#define OBJECTIVE(name) list.push_back(objective::name());
#include "graft/train/objectives.def"
#undef OBJECTIVE
    return list;
  }();
  return all;
}

const Objective& objective_of(Target target) {
  for (const auto& objective : objectives()) {
    if (objective->target() == target) return *objective;
  }
  fail(ErrorCode::internal, "internal error: no objective learns the target {}",
       static_cast<int>(target));
}

const Objective& objective_called(const std::string& task) {
  std::vector<std::string> known;
  for (const auto& objective : objectives()) {
    for (const data::Content content : {data::Content::texts, data::Content::images}) {
      known.push_back(objective->task(content));
      if (known.back() == task) return *objective;
    }
  }
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  fail_usage("there is no task '{}'{}; known: {}", task, did_you_mean(task, known),
             fmt::join(known, ", "));
}

bool Objective::has_classes() const {
  return models::tells_classes(head());
}

std::unique_ptr<data::Inputs> Objective::inputs(Job& job) const {
  return make_inputs(job.model(), job.data.train);
}

std::string Objective::head_note(const Job& job) const {
  return job.loaded.head.summary();
}

std::string Objective::shown(const data::Text& text) const {
  return text.second ? text.first + " | " + *text.second : text.first;
}

std::vector<Answer> Objective::answer(models::Model& model,
                                      const std::vector<image::Image>& /*pictures*/,
                                      int /*top*/) const {
  fail_usage("the model ({}) {} and says nothing about pictures", model.family(), ability());
}

std::vector<Answer> Objective::answer(models::Model& model,
                                      const std::vector<data::Text>& /*texts*/, int /*top*/) const {
  fail_usage("the model ({}) {} and says nothing about texts", model.family(), ability());
}

}  // namespace graft::train
