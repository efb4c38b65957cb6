#include "graft/train/run_report.h"

#include <map>
#include <memory>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/base/json.h"
#include "graft/report/compare_page.h"
#include "graft/report/run_page.h"
#include "graft/train/objective.h"

namespace graft::train {
namespace fs = std::filesystem;
namespace {

/// Sample id → picture or text, over the three parts of a data set.
class Contents {
 public:
  explicit Contents(const data::Dataset& data) : objective_(objective_of(data.target)) {
    for (const data::View* view : data.views()) {
      for (int64_t i = 0; i < view->size(); ++i)
        places_.emplace(view->sample(i).id, std::pair{view, i});
    }
  }
  std::string text(const std::string& id) const {
    const auto found = places_.find(id);
    if (found == places_.end()) return "";
    return objective_.shown(found->second.first->text(found->second.second));
  }
  image::Image picture(const std::string& id) const {
    const auto found = places_.find(id);
    return found == places_.end() ? image::Image()
                                  : found->second.first->load(found->second.second);
  }

 private:
  const Objective& objective_;
  std::map<std::string, std::pair<const data::View*, int64_t>> places_;
};

/// The data of a run, or null: it may be gone or elsewhere.
std::unique_ptr<data::Dataset> try_open(const Json& config) {
  try {
    return std::make_unique<data::Dataset>(
        data::open_dataset(config["data"], config.value("seed", uint64_t{0})));
  } catch (const Error&) {
    return nullptr;  // the page then has names in the pictures' or texts' place
  }
}

}  // namespace

void write_report(const fs::path& run, const data::Dataset* data) {
  const report::RunFolder folder = report::read_run_folder(run);
  std::unique_ptr<data::Dataset> opened;
  if (!data && folder.config.is_object() && folder.config.contains("data")) {
    opened = try_open(folder.config);
    data = opened.get();
  }
  report::RunPageOptions options;
  if (data) {
    const auto contents = std::make_shared<Contents>(*data);
    if (data->train.source->content() == data::Content::texts)
      options.words = [contents](const std::string& id) { return contents->text(id); };
    else
      options.picture = [contents](const std::string& id) { return contents->picture(id); };
  }
  write_atomically(run / "report.html", report::render_run(folder, options));
}

void write_comparison(const std::vector<fs::path>& runs, const fs::path& file) {
  std::vector<report::RunFolder> folders;
  folders.reserve(runs.size());
  for (const auto& run : runs) folders.push_back(report::read_run_folder(run));
  write_atomically(file, report::render_comparison(folders));
}

}  // namespace graft::train
