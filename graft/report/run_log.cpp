#include "graft/report/run_log.h"

#include <algorithm>
#include <limits>

#include "graft/report/lines.h"
#include "graft/report/lookup.h"

namespace graft::report {
namespace {

constexpr size_t kMaxLine = size_t{16} << 20;
constexpr size_t kMaxWarnings = 200;

template <typename Event>
void drop_after(std::vector<Event>& events, int64_t step) {
  std::erase_if(events, [step](const Event& event) { return event.step > step; });
}

/// Turns lines into a RunLog.
class LogReader {
 public:
  explicit LogReader(RunLog& log) : log_(log) {}

  void read(const Json& event) {
    const std::string kind = text_at(event, {"event"});
    time_ = offset_ + std::max(0.0, number_at(event, {"t"}).value_or(time_ - offset_));
    log_.wall_s = std::max(log_.wall_s, time_);
    if (kind == "start") start(event);
    if (kind == "decision") log_.decisions.push_back(read_decision(event));
    if (kind == "plan") plan(event);
    if (kind == "stage") stage(event);
    if (kind == "step") step(event);
    if (kind == "eval") eval(event);
    if (kind == "checkpoint") {
      rewind_to(count_at(event, {"step"}));
      log_.checkpoints.push_back({count_at(event, {"step"}), text_at(event, {"kind"})});
    }
    if (kind == "warning" && log_.warnings.size() < kMaxWarnings) {
      log_.warnings.push_back(text_at(event, {"message"}));
    }
    if (kind == "end") log_.end_status = text_at(event, {"status"});
  }

 private:
  void start(const Json& event) {
    const Json& resumed = value_at(event, {"resumed"});
    if (!(resumed.is_boolean() && resumed.get<bool>())) {
      const int64_t broken = log_.broken_lines;
      log_ = RunLog();
      log_.broken_lines = broken;
      offset_ = 0;
      log_.wall_s = time_ = number_at(event, {"t"}).value_or(0);
    } else {
      offset_ = log_.wall_s;
      rewind_ = true;
    }
    if (log_.start.is_null()) log_.start = event;
    ++log_.processes;
    log_.end_status.clear();
  }

  /// What an interrupted process logged after its last checkpoint was done again.
  void rewind_to(int64_t steps_done) {
    if (!rewind_) return;
    rewind_ = false;
    drop_after(log_.steps, steps_done);
    drop_after(log_.evals, steps_done);
    drop_after(log_.stages, steps_done);
    drop_after(log_.checkpoints, steps_done);
  }

  void plan(const Json& event) {
    log_.predicted = value_at(event, {"predicted"});
    auto candidates = read_candidates(value_at(event, {"candidates"}));
    if (!candidates.empty()) log_.candidates = std::move(candidates);
  }

  void stage(const Json& event) {
    StageEvent stage{count_at(event, {"step"}),
                     count_at(event, {"stage"}),
                     text_at(event, {"name"}),
                     {},
                     number_or_nan(event, {"trainable"}),
                     number_or_nan(event, {"lr"})};
    for (const Json& block : value_at(event, {"blocks"})) stage.blocks.push_back(to_text(block));
    rewind_to(stage.step);
    std::erase_if(log_.stages, [&](const StageEvent& other) {
      return other.step == stage.step && other.stage == stage.stage;
    });
    log_.stages.push_back(std::move(stage));
  }

  void step(const Json& event) {
    StepEvent step{};
    step.step = count_at(event, {"step"});
    step.epoch = number_or_nan(event, {"epoch"});
    step.stage = count_at(event, {"stage"});
    step.loss = number_or_nan(event, {"loss"});
    step.lr = number_or_nan(event, {"lr"});
    step.samples = number_or_nan(event, {"samples"});
    step.step_s = number_or_nan(event, {"step_s"});
    step.grad_norm = number_or_nan(event, {"grad_norm"});
    step.rss_bytes = number_or_nan(event, {"rss_bytes"});
    step.tensor_peak_bytes = number_or_nan(event, {"tensor_peak_bytes"});
    step.time = time_;
    rewind_to(step.step - 1);
    log_.steps.push_back(step);
  }

  void eval(const Json& event) {
    EvalEvent eval{count_at(event, {"step"}),
                   number_or_nan(event, {"epoch"}),
                   text_at(event, {"split"}),
                   number_or_nan(event, {"loss"}),
                   read_measures(value_at(event, {"metrics"})),
                   number_or_nan(event, {"seconds"}),
                   time_};
    rewind_to(eval.step);
    std::erase_if(log_.evals, [&](const EvalEvent& other) {
      return other.step == eval.step && other.split == eval.split;
    });
    log_.evals.push_back(std::move(eval));
  }

  RunLog& log_;
  double offset_ = 0;
  double time_ = 0;
  bool rewind_ = false;
};

}  // namespace

Measure read_measure(const Json& value) {
  if (value.is_number()) return {number_or_nan(value, {}), std::nullopt, std::nullopt};
  return {number_or_nan(value, {"value"}), number_at(value, {"low"}), number_at(value, {"high"})};
}

Measures read_measures(const Json& object) {
  Measures measures;
  if (!object.is_object()) return measures;
  for (const auto& [name, value] : object.items()) {
    const Measure measure = read_measure(value);
    if (measure.value == measure.value) measures.emplace_back(name, measure);
  }
  return measures;
}

Decision read_decision(const Json& value) {
  return {text_at(value, {"what"}), text_at(value, {"choice"}), text_at(value, {"reason"})};
}

std::vector<Candidate> read_candidates(const Json& list) {
  std::vector<Candidate> candidates;
  if (!list.is_array()) return candidates;
  for (const Json& item : list) {
    candidates.push_back({text_at(item, {"name"}), number_or_nan(item, {"trainable"}),
                          number_or_nan(item, {"flops_per_sample"}),
                          number_or_nan(item, {"step_s"}), number_or_nan(item, {"peak_bytes"}),
                          number_or_nan(item, {"train_s"})});
  }
  return candidates;
}

RunLog read_run_log(const std::filesystem::path& path) {
  RunLog log;
  LogReader reader(log);
  const LineCounts counts = for_each_line(path, kMaxLine, [&](const std::string& line, bool ended) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) return true;
    const Json event = parse_line(line);
    if (event.is_object()) {
      reader.read(event);
    } else if (ended) {
      ++log.broken_lines;
    }
    return true;
  });
  log.broken_lines += counts.too_long;
  return log;
}

}  // namespace graft::report
