#include "graft/train/run.h"

#include <torch/types.h>

#include <fstream>
#include <memory>
#include <set>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/nn/norm.h"
#include "graft/tensor/device.h"
#include "graft/tensor/memory.h"
#include "graft/train/event_log.h"
#include "graft/train/loop.h"
#include "graft/train/replay.h"
#include "graft/train/run_model.h"
#include "graft/train/run_report.h"
#include "graft/train/summary.h"
#include "graft/version.h"

namespace graft::train {
namespace fs = std::filesystem;
namespace {

/// Keeps summary.json current at every evaluation, so that a killed run still tells where it was.
class SummaryWriter final : public Observer {
 public:
  SummaryWriter(const Job& job, const PlanFacts& facts, fs::path folder)
      : job_(job), facts_(facts), folder_(std::move(folder)) {}
  void watch(const Loop& loop) { loop_ = &loop; }
  void on_evaluation(const EvaluationEvent&) override {
    if (loop_)
      write_json(folder_ / "summary.json",
                 make_summary(job_, *loop_, facts_, "running", std::nullopt, "validation"));
  }

 private:
  const Job& job_;
  const PlanFacts& facts_;
  fs::path folder_;
  const Loop* loop_ = nullptr;
};

Json start_facts(const Job& job, bool resumed) {
  const Json& v = job.config.values;
  return {{"version", kVersion},
          {"task", v["task"]},
          {"model", v["model"]},
          {"method", peft::name_of(job.config.methods)},
          {"strategy", job.config.strategy.name},
          {"loss", v["train"]["loss"]},
          {"seed", v["seed"]},
          {"threads", v["threads"]},
          {"device", job.model().device().str()},
          {"samples",
           {{"train", job.data.train.size()},
            {"validation", job.data.validation.size()},
            {"test", job.data.test.size()}}},
          {"classes", job.model().classes()},
          {"resumed", resumed}};
}

void write_predictions(const fs::path& folder, const eval::Predictions& p,
                       const std::string& split) {
  write_atomically(folder / "predictions.jsonl", [&](const ByteSink& sink) {
    for (int64_t i = 0; i < p.size(); ++i) {
      const std::string line =
          eval::to_json_line(p, i, split).dump(-1, ' ', false, Json::error_handler_t::replace) +
          "\n";
      sink(line.data(), line.size());
    }
  });
}

Json finish(Job& job, const PlanFacts& facts, Loop& loop, Deadline& deadline,
            const fs::path& folder, const std::vector<Observer*>& observers,
            const LoopResult& result) {
  loop.restore_best(result.status == "diverged");
  loop.reestimate_statistics();
  for (nn::BatchNorm* norm : job.model().registry().batch_norms) norm->use_batch_statistics(false);
  // What was learned is safe before the test split is measured.
  const auto written = write_learned(job, loop.ever_trained(), folder);
  const bool good = result.status != "diverged";
  if (deadline.limited() && loop.validation() && good) {
    // A result already, should the machine stop giving time.
    Json summary = make_summary(job, loop, facts, result.status, std::nullopt, "validation");
    summary["written"] = written;
    write_json(folder / "summary.json", summary);
    for (Observer* o : observers) o->on_result();
  }
  const bool has_test = !job.data.test.empty();
  const data::View& view = has_test ? job.data.test : job.data.validation;
  const std::string split = has_test ? "test" : "validation";
  std::optional<Measurement> measured;
  if (!view.empty()) {
    Stopwatch watch;
    Deadline rest = deadline;
    rest.reserve(exit_seconds() + loop.scoring_seconds(view));
    eval::Predictions found = loop.reader().evaluate(view, rest, !loop.validation());
    loop.work().eval_s += watch.seconds();
    if (found.size() < view.size()) {
      for (Observer* o : observers) {
        o->on_warning(
            fmt::format("the time budget allowed to measure {} of {} samples of the {} split",
                        found.size(), view.size(), split));
      }
    }
    if (found.size() > 0) {
      measured.emplace(std::move(found));
      measured->describe(job);
      write_predictions(folder, measured->predictions(), split);
      EvaluationEvent event{loop.state().step, 0,    split, measured->loss(), measured->metrics(),
                            watch.seconds(),   false};
      event.epoch = static_cast<double>(loop.state().samples) /
                    static_cast<double>(epoch_shape(job.config, job.train_size()).samples);
      if (has_test) {
        for (Observer* o : observers) o->on_evaluation(event);
      }
    }
  }
  // Once and at the end, when all splits were read: a resumed run says the same.
  if (job.inputs->cut() > 0) {
    for (Observer* o : observers) {
      o->on_warning(
          fmt::format("{} texts had more than {} tokens and were cut there: train.max_length, or "
                      "what the model takes",
                      job.inputs->cut(), job.model().text_preprocess().max_length));
    }
  }
  for (Observer* o : observers) o->on_end(result.status, loop.state().step);
  Json summary = make_summary(job, loop, facts, result.status, measured, split);
  summary["written"] = written;
  if (!result.detail.empty()) summary["detail"] = result.detail;
  write_json(folder / "summary.json", summary);
  for (Observer* o : observers) {
    if (good && (measured || loop.validation() || view.empty())) o->on_result();
  }
  if (!deadline.limited() || deadline.left_in_all() > 0.6 * exit_seconds())
    write_report(folder, &job.data);
  if (!measured && !loop.validation() && !view.empty()) {
    fail(ErrorCode::no_plan,
         "budget.time ended before one batch could be measured: the model in {} is whole, how good "
         "it is nobody knows. Give more time",
         folder.string());
  }
  return summary;
}

/// The budget counts the time of all processes of a run.
std::optional<double> time_left(const Config& config, const std::optional<Checkpoint>& checkpoint) {
  std::optional<double> limit = config.budget.time_s;
  if (limit && checkpoint) *limit -= checkpoint->state.at("work").at("wall_before").get<double>();
  return limit;
}

Json run_loop(Job& job, const PlanFacts& facts, const fs::path& folder,
              const std::vector<Observer*>& extra, const std::optional<Checkpoint>& checkpoint) {
  install_counting_allocator();
  Deadline deadline(time_left(job.config, checkpoint));
  const int64_t keep =
      checkpoint ? checkpoint->state.at("observers").at("log").at("bytes").get<int64_t>() : -1;
  EventLog log(folder, keep);
  SummaryWriter summaries(job, facts, folder);
  std::vector<Observer*> observers{&log, &summaries};
  observers.insert(observers.end(), extra.begin(), extra.end());
  if (checkpoint) {
    for (Observer* o : extra) o->on_start(start_facts(job, true));
    if (log.missing_bytes() > 0) {
      // The weights do not need it; only the record of the steps has a gap.
      for (Observer* o : observers)
        o->on_warning(
            fmt::format("log.jsonl lacks {} bytes that the checkpoint counted (a power cut, or it "
                        "was edited): the run goes on, the events in them are lost",
                        log.missing_bytes()));
    }
  } else {
    for (Observer* o : observers) o->on_start(start_facts(job, false));
    for (const Json& decision : facts.decisions) log.write("decision", decision);
    log.write("plan", {{"predicted", facts.predicted}, {"candidates", facts.candidates}});
  }
  Loop loop(job, deadline, folder / "checkpoints", observers);
  summaries.watch(loop);
  if (!checkpoint) {
    write_json(folder / "summary.json",
               make_summary(job, loop, facts, "running", std::nullopt, "validation"));
  } else {
    loop.restore(*checkpoint);
  }
  const LoopResult result = loop.run();
  if (result.status == "interrupted" || result.status == "memory") {
    for (Observer* o : observers) {
      if (o != &log) o->on_end(result.status, loop.state().step);
    }
    write_json(folder / "summary.json",
               make_summary(job, loop, facts, "interrupted", std::nullopt, "validation"));
    if (result.status == "memory") {
      fail(ErrorCode::no_plan,
           "stopped at step {}: {}. The checkpoint is in {}; go on with graft resume {} after "
           "raising "
           "budget.memory in its config.yaml, or start again with a smaller train.batch",
           loop.state().step, result.detail, (folder / "checkpoints").string(), folder.string());
    }
    fail(ErrorCode::interrupted,
         "interrupted at step {}; the checkpoint is written, go on with: graft resume {}",
         loop.state().step, folder.string());
  }
  if (result.status == "diverged" && loop.state().best_step < 0) {
    for (Observer* o : observers) o->on_end(result.status, loop.state().step);
    Json summary = make_summary(job, loop, facts, result.status, std::nullopt, "validation");
    summary["detail"] = result.detail;
    write_json(folder / "summary.json", summary);
    fail(ErrorCode::internal,
         "{}; there is no earlier evaluation to go back to. Give a smaller train.lr, or look at "
         "that sample",
         result.detail);
  }
  const Json summary = finish(job, facts, loop, deadline, folder, observers, result);
  if (result.status == "diverged") {
    fail(ErrorCode::internal,
         "{}; the weights that were best on validation (step {}) are kept in {}. Give a smaller "
         "train.lr, or look at that sample",
         result.detail, loop.state().best_step, folder.string());
  }
  return summary;
}

PlanFacts read_facts(const fs::path& folder) {
  PlanFacts facts;
  if (!fs::exists(folder / "plan.json")) return facts;
  const Json plan = read_json(folder / "plan.json");
  facts.decisions = plan.value("decisions", facts.decisions);
  facts.predicted = plan.value("predicted", facts.predicted);
  facts.candidates = plan.value("candidates", facts.candidates);
  facts.full = plan.value("full", facts.full);
  return facts;
}

}  // namespace

namespace {

/// What a killed write_atomically leaves beside its target: target.tmp<process id>.
bool is_unfinished_write(const fs::path& path) {
  const std::string name = path.filename().string();
  const size_t tmp = name.rfind(".tmp");
  return tmp != std::string::npos && tmp + 4 < name.size() &&
         name.find_first_not_of("0123456789", tmp + 4) == std::string::npos;
}

/// Only with the lock in hand: a run of now writes such files too.
void remove_unfinished_writes(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && is_unfinished_write(entry.path())) found.push_back(entry.path());
  }
  for (const auto& path : found) fs::remove(path);
}

/// A run that was killed before its config.yaml leaves only its lock and half a file.
bool is_empty_but_for_lock(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename() != ".lock" && !is_unfinished_write(entry.path())) return false;
  }
  return true;
}

/// Removes what lies in a run folder, except the lock and the files of these names.
void clear(const fs::path& folder, const std::set<std::string>& kept) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name != ".lock" && !kept.contains(name)) fs::remove_all(entry.path());
  }
}

/// Refuses what a run reads from the folder that it would clear: model, data, an earlier run.
void check_outside(const fs::path& folder, const Json& value) {
  if (value.is_structured()) {
    for (const Json& item : value) check_outside(folder, item);
    return;
  }
  if (!value.is_string()) return;
  const auto text = value.get<std::string>();
  std::error_code none;
  if (text.empty() || text.size() > 4096 || !fs::exists(text, none) || none) return;
  const fs::path inside = fs::weakly_canonical(text, none),
                 outer = fs::weakly_canonical(folder, none);
  const auto [end, rest] = std::mismatch(outer.begin(), outer.end(), inside.begin(), inside.end());
  if (end != outer.end()) return;
  fail_usage(
      "output: {} holds {}, which this run reads, and overwrite=true would remove it; give another "
      "output=",
      folder.string(), text);
}

}  // namespace

void claim_output(const Config& config) {
  const fs::path folder = config.output();
  const bool overwrite = config.values["overwrite"].get<bool>();
  if (!fs::exists(folder)) return;
  if (!fs::is_directory(folder))
    fail_usage("output: {} is there and is not a folder; give another output=", folder.string());
  if (is_empty_but_for_lock(folder)) return;
  if (!overwrite) {
    fail_usage(
        "output: {} is there already; go on with `graft resume {}`, give another output=, or "
        "overwrite=true",
        folder.string(), folder.string());
  }
  if (!is_run_folder(folder)) {
    fail_usage(
        "output: {} holds something that is not a run of graft, so overwrite=true does not touch "
        "it; give another "
        "output=",
        folder.string());
  }
  const Json& v = config.values;
  for (const Json* read : {&v["model"], &v["data"], &v["augment"], &v["chat"], &v["budget"]})
    check_outside(folder, *read);
}

Json execute(Job& job, const PlanFacts& facts, const std::vector<Observer*>& observers) {
  const fs::path folder = job.config.output();
  claim_output(job.config);
  // What cannot be read must not cost an earlier run.
  if (const Json& replay = job.config.values["budget"]["replay"]; !replay.is_null())
    read_replay(replay.get<std::string>());
  fs::create_directories(folder);
  const FolderLock lock(folder);
  clear(folder, {});
  Json values = job.config.values;
  values.erase("overwrite");
  write_atomically(folder / "config.yaml", to_yaml(values));
  write_json(folder / "plan.json", {{"decisions", facts.decisions},
                                    {"predicted", facts.predicted},
                                    {"full", facts.full},
                                    {"candidates", facts.candidates}});
  try {
    return run_loop(job, facts, folder, observers, std::nullopt);
  } catch (const Error& error) {
    // No time for a result, and nothing to go on from: as if it had not been begun.
    if (error.code() == ErrorCode::no_plan && !has_checkpoint(folder / "checkpoints" / "last"))
      clear(folder, {});
    throw;
  }
}

namespace {

/// How a run ended in order; empty when there is something to go on with.
std::string end_of(const fs::path& folder) {
  if (!fs::exists(folder / "summary.json")) return "";
  const std::string status = run_summary(folder).value("status", "");
  return status == "completed" || status == "early-stopped" || status == "deadline" ? status : "";
}

Json resume_run(const fs::path& folder, std::optional<data::Dataset> own,
                const std::vector<Observer*>& observers) {
  if (!fs::exists(folder / "config.yaml")) {
    fail_usage("{} is not a run folder: it has no config.yaml", folder.string());
  }
  const FolderLock lock(folder);
  if (const std::string status = end_of(folder); !status.empty()) {
    fail_usage("the run {} has ended ({}); to train on, start a new one with model={}",
               folder.string(), status, folder.string());
  }
  const Config config = make_config(read_yaml(folder / "config.yaml"));
  set_threads(config.values["threads"].get<int>());
  remove_unfinished_writes(folder);
  std::optional<Checkpoint> checkpoint;
  if (has_checkpoint(folder / "checkpoints" / "last"))
    checkpoint = read_checkpoint(folder / "checkpoints" / "last");
  else
    clear(folder,
          {"config.yaml", "plan.json"});  // stopped before its first checkpoint: from the beginning
  Job job = open_job(config, std::move(own));
  prepare(job);
  job.config.values["output"] = folder.string();
  return run_loop(job, read_facts(folder), folder, observers, checkpoint);
}

}  // namespace

std::optional<double> time_left(const fs::path& folder) {
  // Where there is nothing to resume, resume says so.
  if (!fs::exists(folder / "config.yaml") || !end_of(folder).empty()) return std::nullopt;
  std::optional<Checkpoint> checkpoint;
  if (has_checkpoint(folder / "checkpoints" / "last"))
    checkpoint = read_checkpoint(folder / "checkpoints" / "last");
  return time_left(make_config(read_yaml(folder / "config.yaml")), checkpoint);
}

Json resume(const fs::path& folder, const std::vector<Observer*>& observers) {
  return resume_run(folder, std::nullopt, observers);
}

Json resume(const fs::path& folder, data::Dataset own, const std::vector<Observer*>& observers) {
  return resume_run(folder, std::move(own), observers);
}

}  // namespace graft::train
