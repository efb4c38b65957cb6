#include "op_profile.h"

#include <ATen/record_function.h>
#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

#include "graft/base/clock.h"

namespace graft::bench {
namespace {

struct Total {
  double seconds = 0;
  int64_t calls = 0;
};

struct Running : at::ObserverContext {
  Stopwatch watch;
  double inner = 0;
  Running* outer = nullptr;
  std::string name;
};

thread_local Running* innermost = nullptr;
std::mutex guard;
std::map<std::string, Total> totals;

std::string shape_of(const at::RecordFunction& f) {
  for (const c10::IValue& input : f.inputs()) {
    if (input.isTensor() && input.toTensor().defined())
      return fmt::format(" {}", fmt::join(input.toTensor().sizes(), "x"));
  }
  return "";
}

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& f) {
  auto running = std::make_unique<Running>();
  running->outer = innermost;
  running->name = std::string(f.name()) + shape_of(f);
  innermost = running.get();
  return running;
}

void end(const at::RecordFunction&, at::ObserverContext* context) {
  auto& running = static_cast<Running&>(*context);
  const double seconds = running.watch.seconds();
  innermost = running.outer;
  if (running.outer) running.outer->inner += seconds;
  const std::lock_guard lock(guard);
  Total& total = totals[running.name];
  total.seconds += seconds - running.inner;
  ++total.calls;
}

}  // namespace

OpProfile::OpProfile() {
  totals.clear();
  handle_ = at::addGlobalCallback(at::RecordFunctionCallback(begin, end).needsInputs(true));
}

OpProfile::~OpProfile() {
  at::removeCallback(handle_);
}

std::string OpProfile::table(int rows) const {
  const std::lock_guard lock(guard);
  std::map<std::string, Total> by_name;
  for (const auto& [name, total] : totals) {
    Total& sum = by_name[name.substr(0, name.find(' '))];
    sum.seconds += total.seconds;
    sum.calls += total.calls;
  }
  std::string text;
  for (const auto* source : {&by_name, &totals}) {
    std::vector<std::pair<std::string, Total>> sorted(source->begin(), source->end());
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
    double all = 0;
    for (const auto& [name, total] : sorted) all += total.seconds;
    text += fmt::format("{:9.2f} ms in all\n", 1e3 * all);
    for (size_t i = 0; i < std::min(sorted.size(), static_cast<size_t>(rows)); ++i) {
      text += fmt::format("{:9.2f} {:6} {}\n", 1e3 * sorted[i].second.seconds,
                          sorted[i].second.calls, sorted[i].first);
    }
  }
  return text;
}

}  // namespace graft::bench
