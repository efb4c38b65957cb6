#include "graft/report/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <utility>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/report/crc32c.h"
#include "graft/report/run_folder.h"

namespace graft::report {
namespace {

void put_fixed(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xFF);
}

// Protocol buffers, by hand: a key (field number and wire type), then the value.
void put_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>((value & 0x7F) | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}
void put_double(std::string& out, uint32_t field, double value) {
  put_varint(out, field << 3 | 1);
  put_fixed(out, std::bit_cast<uint64_t>(value), 8);
}
void put_float(std::string& out, uint32_t field, float value) {
  put_varint(out, field << 3 | 5);
  put_fixed(out, std::bit_cast<uint32_t>(value), 4);
}
void put_integer(std::string& out, uint32_t field, int64_t value) {
  put_varint(out, field << 3);
  put_varint(out, static_cast<uint64_t>(value));
}
void put_bytes(std::string& out, uint32_t field, const std::string& value) {
  put_varint(out, field << 3 | 2);
  put_varint(out, value.size());
  out += value;
}

// tensorflow/core/util/event.proto and framework/summary.proto.
constexpr uint32_t kEventWallTime = 1;
constexpr uint32_t kEventStep = 2;
constexpr uint32_t kEventFileVersion = 3;
constexpr uint32_t kEventSummary = 5;
constexpr uint32_t kSummaryValue = 1;
constexpr uint32_t kValueTag = 1;
constexpr uint32_t kValueSimple = 2;

}  // namespace

std::string tf_record(const std::string& message) {
  std::string length;
  put_fixed(length, message.size(), 8);
  std::string out = length;
  put_fixed(out, masked_crc32c(length), 4);
  out += message;
  put_fixed(out, masked_crc32c(message), 4);
  return out;
}

std::string scalar_event(const std::string& tag, int64_t step, double value, double wall_time) {
  std::string entry;
  put_bytes(entry, kValueTag, tag);
  put_float(entry, kValueSimple, static_cast<float>(value));
  std::string summary;
  put_bytes(summary, kSummaryValue, entry);
  std::string event;
  put_double(event, kEventWallTime, wall_time);
  put_integer(event, kEventStep, step);
  put_bytes(event, kEventSummary, summary);
  return event;
}

EventFile::EventFile(const std::filesystem::path& path, double wall_time) : path_(path.string()) {
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file_ < 0) fail(ErrorCode::internal, "cannot write {}: {}", path_, std::strerror(errno));
  std::string event;
  put_double(event, kEventWallTime, wall_time);
  put_bytes(event, kEventFileVersion, "brain.Event:2");
  record(event);
  flush();
}

EventFile::~EventFile() {
  try {
    flush();
  } catch (const Error&) {
    waiting_.clear();  // lost: the log has the same numbers
  }
  if (file_ >= 0) ::close(file_);
}

void EventFile::scalar(const std::string& tag, int64_t step, double value, double wall_time) {
  record(scalar_event(tag, step, value, wall_time));
  constexpr size_t kMany = size_t{1} << 16;
  const double now = seconds_since_process_start();
  if (waiting_.size() < kMany && now - flushed_s_ < 1) return;
  flushed_s_ = now;
  flush();
}

std::string EventFile::file_name(double wall_time) {
  return fmt::format("events.out.tfevents.{:010.0f}.graft", std::max(0.0, std::floor(wall_time)));
}

void EventFile::record(const std::string& message) {
  waiting_ += tf_record(message);
}

void EventFile::flush() {
  const std::string bytes = std::exchange(waiting_, {});
  size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t done = ::write(file_, bytes.data() + at, bytes.size() - at);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) {
      fail(ErrorCode::internal, "cannot write {}: {}; free some space or turn the event file off",
           path_, std::strerror(errno));
    }
    at += static_cast<size_t>(done);
  }
}

void export_events(const RunFolder& run, const std::filesystem::path& path, double began) {
  EventFile events(path, began);
  const auto put = [&](const std::string& tag, int64_t step, double value, double time) {
    if (std::isfinite(value)) events.scalar(tag, step, value, began + time);
  };
  for (const StepEvent& step : run.log.steps) {
    put("train/loss", step.step, step.loss, step.time);
    put("train/learning_rate", step.step, step.lr, step.time);
    put("train/gradient_norm", step.step, step.grad_norm, step.time);
    put("train/step_seconds", step.step, step.step_s, step.time);
    put("memory/resident_bytes", step.step, step.rss_bytes, step.time);
    put("memory/tensor_peak_bytes", step.step, step.tensor_peak_bytes, step.time);
  }
  for (const EvalEvent& eval : run.log.evals) {
    put(eval.split + "/loss", eval.step, eval.loss, eval.time);
    for (const auto& [name, measure] : eval.metrics) {
      put(eval.split + "/" + name, eval.step, measure.value, eval.time);
    }
  }
}

}  // namespace graft::report
