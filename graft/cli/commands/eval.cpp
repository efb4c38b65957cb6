#include <iostream>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/cli/arguments.h"
#include "graft/cli/score_boxes.h"
#include "graft/data/relabel.h"
#include "graft/tensor/device.h"
#include "graft/train/batches.h"
#include "graft/train/event_log.h"
#include "graft/train/measurement.h"
#include "graft/train/run_model.h"
#include "graft/train/task.h"

namespace graft::cli {
namespace {

/// Other data than those the model learned from are measured whole: `data` is given for this
/// command, `own` is the run's (or null). A part of the run's own data is for learning still.
Json whole_data(const Json& data, const Json& own) {
  Json whole = data.is_object() ? data : Json{{"path", data}};
  // A file for one split alone.
  if (!whole.contains("path") && !whole.contains("train")) {
    for (const char* split : {"test", "validation"}) {
      if (!whole.contains(split)) continue;
      whole["path"] = whole[split];
      whole.erase(split);
      break;
    }
  }
  const auto place = [](const Json& of) {
    const Json path = of.is_object() ? of.value("path", Json()) : of;
    std::error_code failed;
    return path.is_string() ? std::filesystem::weakly_canonical(path.get<std::string>(), failed)
                            : std::filesystem::path();
  };
  const bool learned = !own.is_null() && place(own) == place(whole);
  if (!learned && !whole.contains("split") && !whole.contains("folds"))
    whole["split"] = {{"validation", 0}, {"test", 0}};
  return whole;
}

graft::train::Job open_for_evaluation(const std::string& model, const Json& overrides) {
  Json given = Json::object();
  if (graft::train::is_run_folder(model))
    given = read_yaml(std::filesystem::path(model) / "config.yaml");
  const Json own = given.value("data", Json());
  for (const auto& [key, value] : overrides.items()) given[key] = value;
  if (overrides.contains("data")) given["data"] = whole_data(overrides["data"], own);
  given["model"] = model;
  if (!given.contains("data")) fail_usage("eval: {} is not a run, so data= is needed", model);
  graft::train::Job job;
  // Everything the reader asks for; nothing is trained.
  given["method"] = "none";
  given["strategy"] = "head";
  given["augment"] = "none";
  given["train"]["batch"] = 32;
  given["train"]["workers"] = usable_cores();
  given["train"]["views"] = 0;
  job.config = graft::train::make_config(given);
  graft::train::settle_data(job.config);
  job.data = data::open_dataset(job.config.values["data"], job.config.seed());
  graft::train::settle_target(job.config, job.data);
  const graft::train::Objective& objective = job.objective();
  models::ModelSource source;
  source.path = model;
  source.task = objective.head();
  if (objective.head() == models::Task::next_token) graft::train::settle_chat(job.config);
  source.max_length = graft::train::model_source(job.config).max_length;
  // The one output of a regression has no name to be matched by.
  job.loaded = graft::train::load_any_model(
      source, job.data.regression() ? job.data.classes : std::vector<std::string>{});
  graft::train::move_model(job);
  const graft::train::Objective& learned = graft::train::objective_of(job.model().problem());
  const bool same = learned.problem() == objective.problem() ||
                    (learned.head() == objective.head() && learned.target() != Target::regression &&
                     !job.data.regression());
  if (!same) {
    fail_usage("eval: the model {}, but in the data {}; give other data, or another model{}",
               learned.ability(), objective.fact(),
               learned.head() != objective.head() ? ""
               : job.data.regression()            ? ", or data.labels=classes"
                                                  : ", or data.labels=regression");
  }
  const auto& known = job.model().classes();
  if (const auto all = data::joined_classes(known, job.data.classes); all.size() > known.size()) {
    fail_unreadable(
        "eval: the model does not know the class {} of the data; it knows {} classes, the first is "
        "{}",
        all[known.size()], known.size(), known.empty() ? "" : known.front());
  }
  data::relabel(job.data, known);
  // A run is measured as it was trained: its summary says the same then.
  if (!job.config.is_auto("", "precision")) {
    job.model().set_precision(
        precision_type(job.config.values["precision"].get<std::string>(), job.model().device()));
  }
  graft::train::open_inputs(job);
  job.profile = graft::train::measure_profile(job.model(), *job.inputs);
  return job;
}

/// Of preferences: what the answers' probabilities were by the model that the run began with (of a
/// model that is no run, by itself). It takes the place of the run's for that time, so that there
/// is one model in memory.
void find_first_reference(graft::train::Job& job, graft::train::Reader& reader,
                          const std::string& model, const data::View& view) {
  const bool run = graft::train::is_run_folder(model);
  const auto load = [&](models::ModelSource source) {
    source.task = models::Task::next_token;
    source.max_length = job.config.at("train", "max_length").get<int64_t>();
    job.loaded = {};
    job.loaded = graft::train::load_any_model(source);
    graft::train::move_model(job);
  };
  if (run) {
    load(graft::train::model_source(
        graft::train::make_config(read_yaml(std::filesystem::path(model) / "config.yaml"))));
  }
  graft::train::find_reference(job, reader, view, reader.spread(view),
                               graft::train::Deadline(std::nullopt));
  if (!run) return;
  models::ModelSource source;
  source.path = model;
  load(source);
}

/// The objects of each class, and how they are found.
void print_objects(const Json& facts) {
  const auto share = [](const Json& value) {
    return value.is_number() ? fmt::format("{:.4f}", value.get<double>()) : std::string("-");
  };
  std::cout << fmt::format("\n  {:<24} {:>8} {:>8} {:>8} {:>9} {:>8}\n", "class", "objects", "AP",
                           "AP50", "precision", "recall");
  for (const Json& one : facts["per_class"]) {
    std::cout << fmt::format("  {:<24} {:>8} {:>8} {:>8} {:>9} {:>8}\n",
                             one["class"].get<std::string>(), one["objects"].get<int64_t>(),
                             share(one["AP"]), share(one["AP50"]), share(one["precision"]),
                             share(one["recall"]));
  }
  const Json& threshold = facts["detection"]["threshold"];
  std::cout << "\n  precision and recall: of boxes with a score of at least "
            << (threshold.is_number() ? share(threshold) : "0") << ", overlap 0.50\n";
}

}  // namespace

Command eval() {
  return {
      "eval", "measures a run or a model on data", [](const Words& words) {
        if (names_predictions(words)) return score_boxes(words);
        Arguments arguments(
            "eval",
            "Measures a run or a model. Of a run, data and split are its own unless given. With "
            "predictions=FILE data=FILE instead of a model: boxes that any tool found (see graft "
            "eval predictions= --help).");
        std::string model;
        Words given;
        bool json = false;
        bool samples = false;
        std::string split = "auto";
        arguments.app().add_option("MODEL", model, "run folder or model")->required();
        arguments.app().add_option("words", given, "data=... and other settings");
        arguments.app().add_flag("--json", json, "one JSON document");
        arguments.app().add_flag("--samples", samples,
                                 "with --json: what was said of each sample as well");
        arguments.app()
            .add_option(
                "--split", split,
                "train, validation or test; auto takes test, else validation, else all of train")
            ->check(CLI::IsMember({"auto", "train", "validation", "test"}))
            ->capture_default_str();
        if (!arguments.parse(words)) return 0;
        if (samples && !json) fail_usage("eval: --samples is for --json; give both");
        set_threads(usable_cores());
        graft::train::Job job =
            open_for_evaluation(model, read_overrides(given, "see graft eval --help"));
        if (split == "auto")
          split = !job.data.test.empty()         ? "test"
                  : !job.data.validation.empty() ? "validation"
                                                 : "train";
        const data::View& view = split == "test"         ? job.data.test
                                 : split == "validation" ? job.data.validation
                                                         : job.data.train;
        if (view.empty()) fail_unreadable("eval: the data has no {} split", split);
        graft::train::Reader reader(
            job, [](const std::string& message) { std::cerr << "graft: " << message << "\n"; });
        if (job.data.preference()) find_first_reference(job, reader, model, view);
        const graft::train::Deadline deadline(std::nullopt);
        eval::Predictions p = reader.evaluate(view, deadline);
        if (p.size() == 0) fail_unreadable("eval: no sample of the {} split could be read", split);
        graft::train::Measurement measured(std::move(p));
        measured.describe(job);
        if (json) {
          Json out = {{"model", model},
                      {"split", split},
                      {"samples", measured.samples()},
                      {"metrics", graft::train::to_json(measured.metrics())},
                      {"loss", measured.loss()},
                      {"per_class", Json::array()}};
          out.update(measured.facts());
          for (const auto& [name, m] : measured.metrics()) {
            if (!out.contains(name)) out[name] = m.value;
          }
          for (int64_t i = 0; samples && i < measured.samples(); ++i)
            out["predictions"].push_back(eval::to_json_line(measured.predictions(), i, split));
          std::cout << out.dump(2) << "\n";
          return 0;
        }
        std::cout << fmt::format("{} samples of the {} split\n", measured.samples(), split);
        for (const auto& [name, m] : measured.metrics()) {
          std::cout << fmt::format("  {:<24} {:>8.4f}   95 % [{:.4f}, {:.4f}]\n", name, m.value,
                                   m.low, m.high);
        }
        if (measured.facts().contains("detection")) print_objects(measured.facts());
        return 0;
      }};
}

}  // namespace graft::cli
