#include "graft/report/run_folder.h"

#include <limits>
#include <set>
#include <tuple>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/report/lines.h"
#include "graft/report/lookup.h"

namespace graft::report {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxDocument = size_t{64} << 20;
constexpr size_t kMaxConfig = size_t{4} << 20;
constexpr size_t kMaxLine = size_t{4} << 20;
constexpr size_t kMaxPredictions = 2'000'000;
constexpr size_t kMaxBoxes = 10'000'000;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

/// Numbers stand for positions in `classes`, where there are any.
std::string class_name(const Json& value, const std::vector<std::string>& classes) {
  if (value.is_number_integer()) {
    const auto index = value.get<int64_t>();
    if (index >= 0 && static_cast<size_t>(index) < classes.size()) {
      return classes[static_cast<size_t>(index)];
    }
  }
  return value.is_null() ? "" : to_text(value);
}

std::vector<std::string> class_names(const Json& value, const std::vector<std::string>& classes) {
  std::vector<std::string> names;
  if (!value.is_array()) return {class_name(value, classes)};
  for (const Json& item : value) names.push_back(class_name(item, classes));
  return names;
}

void read_predictions(RunFolder& run) {
  int64_t broken = 0;
  bool cut = false;
  ClassIndex index(run.classes);
  size_t boxes = 0;
  const LineCounts counts = for_each_line(
      run.path / "predictions.jsonl", kMaxLine, [&](const std::string& line, bool ended) {
        if (run.predictions.size() + run.pictures.size() >= kMaxPredictions || boxes >= kMaxBoxes) {
          cut = true;
          return false;
        }
        const Json item = parse_line(line);
        if (!item.is_object()) {
          broken += ended ? 1 : 0;
          return true;
        }
        if (run.boxes) {
          auto picture = read_boxed_picture(item, index);
          broken += picture ? 0 : 1;
          if (!picture) return true;
          boxes += picture->objects.size() + picture->found.size();
          run.pictures.push_back(std::move(*picture));
          return true;
        }
        const Json& label = value_at(item, {"label"});
        if (run.language) {
          Prediction text{
              text_at(item, {"split"}),     text_at(item, {"input"}), {}, {}, kNan, kNan,
              number_or_nan(item, {"loss"})};
          text.tokens = number_or_nan(item, {"tokens"});
          text.hits = number_or_nan(item, {"hits"});
          text.chosen = number_or_nan(item, {"chosen"});
          text.rejected = number_or_nan(item, {"rejected"});
          text.margin = number_or_nan(item, {"margin"});
          run.predictions.push_back(std::move(text));
          return true;
        }
        if (run.words) {
          Prediction text{
              text_at(item, {"split"}),     text_at(item, {"input"}), {}, {}, kNan, kNan,
              number_or_nan(item, {"loss"})};
          text.words = true;
          text.missed = class_names(value_at(item, {"missed"}), {});
          text.extra = class_names(value_at(item, {"extra"}), {});
          run.predictions.push_back(std::move(text));
          return true;
        }
        if (run.regression || run.pairs) {
          run.predictions.push_back({text_at(item, {"split"}),
                                     text_at(item, {"input"}),
                                     {},
                                     {},
                                     kNan,
                                     kNan,
                                     number_or_nan(item, {"loss"}),
                                     number_or_nan(item, {"label"}),
                                     number_or_nan(item, {"predicted"})});
          run.predictions.back().rank = number_or_nan(item, {"rank"});
          return true;
        }
        run.multi_label = run.multi_label || label.is_array();
        run.predictions.push_back(
            {text_at(item, {"split"}), text_at(item, {"input"}), class_names(label, run.classes),
             class_names(value_at(item, {"predicted"}), run.classes),
             number_or_nan(item, {"probability"}), number_or_nan(item, {"label_probability"}),
             number_or_nan(item, {"loss"})});
        return true;
      });
  if (run.boxes) run.classes = index.names();
  broken += counts.too_long;
  if (broken > 0) {
    run.notes.push_back(fmt::format("predictions.jsonl: {} lines could not be read", broken));
  }
  if (cut) {
    run.notes.push_back(fmt::format("predictions.jsonl: only the first {} samples were read",
                                    run.predictions.size() + run.pictures.size()));
  }
}

Json read_document(const fs::path& path, std::vector<std::string>& notes) {
  if (!is_file(path)) return nullptr;
  try {
    return read_json(path, kMaxDocument);
  } catch (const Error& e) {
    notes.emplace_back(e.what());
    return nullptr;
  }
}

void read_config(RunFolder& run) {
  const fs::path path = run.path / "config.yaml";
  if (!is_file(path)) return;
  try {
    run.config_text = read_file(path, kMaxConfig);
    run.config = parse_yaml(run.config_text, path.string());
  } catch (const Error& e) {
    run.notes.emplace_back(e.what());
  }
}

std::vector<std::string> read_classes(const RunFolder& run) {
  for (const Json* source : {&run.summary, &run.log.start}) {
    const Json& list = value_at(*source, {"classes"});
    if (!list.is_array() || list.empty()) continue;
    std::vector<std::string> names;
    for (const Json& item : list) names.push_back(to_text(item));
    return names;
  }
  return {};
}

std::string folder_name(const fs::path& path) {
  std::error_code failed;
  fs::path whole = fs::absolute(path, failed).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  return whole.filename().string();
}

}  // namespace

bool Prediction::correct() const {
  if (words) return missed.empty() && extra.empty();
  if (label.size() == 1 && predicted.size() == 1) return label == predicted;
  return std::set<std::string>(label.begin(), label.end()) ==
         std::set<std::string>(predicted.begin(), predicted.end());
}

std::string RunFolder::field(const char* key) const {
  for (const Json* source : {&summary, &log.start, &config}) {
    const Json& value = value_at(*source, {key});
    if (value.is_null()) continue;
    // A method or strategy with options is a mapping that holds its name.
    return value.is_object() ? text_at(value, {"name"}, to_text(value)) : to_text(value);
  }
  return "";
}

std::string RunFolder::status() const {
  const std::string written = text_at(summary, {"status"});
  if (!log.end_status.empty()) return written.empty() ? log.end_status : written;
  // Until its first evaluation a resumed run still has the summary of the process before it.
  const bool of_this_process = log.processes <= 1;
  return !written.empty() && of_this_process ? written : "running";
}

std::vector<Decision> RunFolder::decisions() const {
  std::vector<Decision> all;
  const Json& planned = value_at(plan, {"decisions"});
  if (planned.is_array()) {
    for (const Json& item : planned) all.push_back(read_decision(item));
  }
  const auto key = [](const Decision& d) { return std::tie(d.what, d.choice, d.reason); };
  std::set<std::tuple<std::string, std::string, std::string>> known;
  for (const Decision& decision : all) known.insert(key(decision));
  // The log also holds what was decided while the run went on.
  for (const Decision& decision : log.decisions) {
    if (known.insert(key(decision)).second) all.push_back(decision);
  }
  return all;
}

std::vector<Candidate> RunFolder::candidates() const {
  auto planned = read_candidates(value_at(plan, {"candidates"}));
  return planned.empty() ? log.candidates : planned;
}

RunFolder read_run_folder(const fs::path& path) {
  std::error_code failed;
  if (!fs::is_directory(path, failed)) {
    fail_unreadable("{} is not a folder; expected the output folder of 'graft train'",
                    path.string());
  }
  if (!is_file(path / "config.yaml") && !is_file(path / "log.jsonl") &&
      !is_file(path / "summary.json")) {
    fail_unreadable(
        "{} is no run: it holds neither config.yaml nor log.jsonl nor summary.json; expected the "
        "output folder of 'graft train'",
        path.string());
  }
  RunFolder run;
  run.path = path;
  run.name = folder_name(path);
  read_config(run);
  run.plan = read_document(path / "plan.json", run.notes);
  run.summary = read_document(path / "summary.json", run.notes);
  run.log = read_run_log(path / "log.jsonl");
  if (run.log.broken_lines > 0) {
    run.notes.push_back(fmt::format("log.jsonl: {} lines could not be read", run.log.broken_lines));
  }
  run.classes = read_classes(run);
  run.regression = run.field("task").ends_with("-regression");
  run.language = run.field("task").ends_with("language-modeling");
  run.preference = text_at(run.config, {"train", "loss"}) == "dpo";
  run.pairs = run.field("task") == "sentence-similarity";
  run.words = run.field("task") == "token-classification";
  run.boxes = run.field("task") == "object-detection";
  read_predictions(run);
  return run;
}

Headline headline(const RunFolder& run) {
  Headline found{"", "", {kNan, std::nullopt, std::nullopt}, kNan};
  const Json& metric = value_at(run.summary, {"metric"});
  if (metric.is_object()) {
    found.name = text_at(metric, {"name"});
    found.split = text_at(metric, {"split"});
    found.measure.value = number_or_nan(metric, {"value"});
    found.validation = number_or_nan(metric, {"validation"});
    const Json& interval = value_at(metric, {"interval"});
    if (interval.is_array() && interval.size() == 2) {
      found.measure.low = number_at(interval[0], {});
      found.measure.high = number_at(interval[1], {});
    }
    if (found.measure.value == found.measure.value) return found;
  }
  for (auto eval = run.log.evals.rbegin(); eval != run.log.evals.rend(); ++eval) {
    if (eval->metrics.empty()) continue;
    const auto& [name, measure] = eval->metrics.front();
    const double validation = eval->split == "validation" ? measure.value : kNan;
    return {name, eval->split, measure, validation, true};
  }
  return found;
}

}  // namespace graft::report
