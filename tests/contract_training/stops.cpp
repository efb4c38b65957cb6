#include "tests/contract_training/stops.h"

#include <algorithm>

#include "graft/base/error.h"
#include "graft/train/stop.h"

namespace graft::contract {
namespace fs = std::filesystem;

Watcher stopper(int64_t at) {
  Watcher watcher;
  watcher.step = [at](const train::StepEvent& e) {
    if (e.step == at) train::request_stop();
  };
  return watcher;
}

namespace {

/// What must be equal: all but clocks and memory.
std::vector<Json> comparable(const fs::path& run) {
  std::vector<Json> kept;
  for (Json event : events(run)) {
    for (const char* key : {"t", "step_s", "seconds", "rss_bytes", "tensor_peak_bytes"}) {
      event.erase(key);
    }
    kept.push_back(std::move(event));
  }
  return kept;
}

}  // namespace

void expect_same_outcome(const fs::path& whole, const fs::path& pieces) {
  EXPECT_TRUE(same_weights(whole, pieces));
  const auto a = comparable(whole);
  const auto b = comparable(pieces);
  EXPECT_EQ(a.size(), b.size());
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const Json& left = a[i];
    const Json& right = b[i];
    ASSERT_EQ(left.dump(), right.dump()) << "event " << i;
  }
  Json x = read_json(whole / "summary.json");
  Json y = read_json(pieces / "summary.json");
  // A resumed run fills its caches again, and says so.
  const double once = x["work"]["evaluation_flops"];
  EXPECT_GE(y["work"]["evaluation_flops"].get<double>(), once);
  for (Json* summary : {&x, &y}) (*summary)["work"].erase("evaluation_flops");
  for (const char* key : {"status", "metric", "metrics", "loss", "per_class", "work", "epochs",
                          "parameters", "samples", "stages", "classes"}) {
    EXPECT_EQ(x.value(key, Json()).dump(), y.value(key, Json()).dump()) << key;
  }
  EXPECT_EQ(test::read_text(whole / "predictions.jsonl"),
            test::read_text(pieces / "predictions.jsonl"));
}

void execute_until_stop(const Json& config, int64_t stop) {
  Watcher watcher = stopper(stop);
  EXPECT_GRAFT_ERROR(run(config, {&watcher}), ErrorCode::interrupted, "interrupted at step");
  train::clear_stop_request();
}

void resume_until_stop(const fs::path& folder, int64_t stop) {
  Watcher watcher = stopper(stop);
  EXPECT_GRAFT_ERROR(train::resume(folder, {&watcher}), ErrorCode::interrupted, "interrupted at");
  train::clear_stop_request();
}

}  // namespace graft::contract
