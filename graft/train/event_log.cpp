#include "graft/train/event_log.h"

#include <chrono>

#include "graft/base/clock.h"
#include "graft/tensor/memory.h"

namespace graft::train {
namespace {

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::filesystem::path event_path(const std::filesystem::path& folder) {
  return folder / fmt::format("events.out.tfevents.{}.graft", static_cast<int64_t>(wall_time()));
}

}  // namespace

EventLog::EventLog(const std::filesystem::path& folder, int64_t keep_bytes)
    : log_(folder / "log.jsonl", keep_bytes), board_(event_path(folder)) {}

void EventLog::write(const std::string& event, const Json& fields) {
  Json line = {{"event", event}, {"t", seconds_since_process_start()}};
  line.update(fields);
  const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (event == "step")
    log_.add(text);
  else
    log_.write(text);
}

void EventLog::on_start(const Json& facts) {
  write("start", facts);
}

void EventLog::on_stage(const StageEvent& e) {
  Json fields = {{"step", e.step},     {"stage", e.stage},         {"name", e.name},
                 {"blocks", e.blocks}, {"trainable", e.trainable}, {"rate", e.rate},
                 {"lr", e.lr},         {"cached", e.cached}};
  if (!e.kept.is_null()) fields["kept"] = e.kept;
  write("stage", fields);
}

void EventLog::on_step(const StepEvent& e) {
  write("step", {{"step", e.step},
                 {"epoch", e.epoch},
                 {"stage", e.stage},
                 {"progress", e.progress},
                 {"loss", e.loss},
                 {"lr", e.lr},
                 {"samples", e.samples},
                 {"seen", e.seen},
                 {"step_s", e.seconds},
                 {"grad_norm", e.grad_norm},
                 {"rss_bytes", resident_bytes()},
                 {"tensor_peak_bytes", peak_tensor_bytes()}});
  const double now = wall_time();
  board_.scalar("train/loss", e.step, e.loss, now);
  board_.scalar("train/lr", e.step, e.lr, now);
}

Json to_json(const eval::Measures& metrics) {
  Json values = Json::object();
  for (const auto& [name, m] : metrics)
    values[name] = {{"value", m.value}, {"low", m.low}, {"high", m.high}};
  return values;
}

void EventLog::on_evaluation(const EvaluationEvent& e) {
  write("eval", {{"step", e.step},
                 {"epoch", e.epoch},
                 {"split", e.split},
                 {"loss", e.loss},
                 {"metrics", to_json(e.metrics)},
                 {"seconds", e.seconds},
                 {"best", e.best}});
  const double now = wall_time();
  for (const auto& [name, m] : e.metrics) board_.scalar(e.split + "/" + name, e.step, m.value, now);
}

void EventLog::on_checkpoint(int64_t step, const std::string& kind) {
  // "last" comes after its own state was taken, so a resumed run could not repeat the line.
  if (kind != "last") write("checkpoint", {{"step", step}, {"kind", kind}});
}

Json EventLog::save() const {
  log_.sync();
  return {{"bytes", log_.size()}};
}

void EventLog::on_warning(const std::string& message) {
  write("warning", {{"message", message}});
}

void EventLog::on_end(const std::string& status, int64_t step) {
  write("end", {{"status", status}, {"step", step}});
  log_.sync();
}

}  // namespace graft::train
