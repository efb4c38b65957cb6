#include "graft/train/replay.h"

#include <sstream>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/base/json.h"

namespace graft::train {

Replay read_replay(const std::filesystem::path& path) {
  const std::filesystem::path log = std::filesystem::is_directory(path) ? path / "log.jsonl" : path;
  std::istringstream lines(read_file(log, size_t{1} << 30));
  Replay replay;
  std::string line;
  int64_t number = 0;
  while (std::getline(lines, line)) {
    ++number;
    const Json event = parse_json(line, fmt::format("{}, line {}", log.string(), number));
    if (!event.is_object())
      fail_unreadable("{}, line {}: expected an event of a run, got {}", log.string(), number,
                      line);
    const std::string kind = event.value("event", "");
    if (kind == "step") {
      const auto step = event.at("step").get<int64_t>();
      if (step != static_cast<int64_t>(replay.progress.size()) + 1) {
        fail_unreadable("{}, line {}: expected step {}, got {}; the log is not one whole run",
                        log.string(), number, replay.progress.size() + 1, step);
      }
      replay.progress.push_back(event.at("progress").get<double>());
    } else if (kind == "stage" && event.contains("kept")) {
      const Json& kept = event["kept"];
      replay.kept[event.at("stage").get<int64_t>()] = {kept.at("samples"), kept.at("views"),
                                                       kept.at("batch")};
    } else if (kind == "eval" && event.value("split", "") == "validation") {
      replay.evaluations.insert(event.at("step").get<int64_t>());
      if (event.value("best", false)) replay.best.insert(event.at("step").get<int64_t>());
    }
  }
  if (replay.progress.empty())
    fail_unreadable("{}: there is no step in it to repeat", log.string());
  return replay;
}

}  // namespace graft::train
