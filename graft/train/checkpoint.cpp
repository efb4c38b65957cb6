#include "graft/train/checkpoint.h"

#include "graft/base/error.h"
#include "graft/io/safetensors.h"

namespace graft::train {
namespace fs = std::filesystem;
namespace {

constexpr const char* kFile = "state.safetensors";
constexpr const char* kState = "graft_state";

}  // namespace

void write_checkpoint(const fs::path& folder, const Checkpoint& checkpoint) {
  fs::create_directories(folder);
  io::write_safetensors(folder / kFile, checkpoint.tensors, {{kState, checkpoint.state.dump()}});
}

Checkpoint read_checkpoint(const fs::path& folder) {
  if (!has_checkpoint(folder)) {
    fail_unreadable(
        "{} holds no checkpoint ({}); the run stopped before its first one, start it again with "
        "overwrite=true",
        folder.string(), kFile);
  }
  const io::SafetensorsReader reader(folder / kFile);
  const auto found = reader.metadata().find(kState);
  if (found == reader.metadata().end()) {
    fail_unreadable("{} is not a checkpoint of graft: its header lacks {}",
                    (folder / kFile).string(), kState);
  }
  return {parse_json(found->second, (folder / kFile).string()), reader.all()};
}

bool has_checkpoint(const fs::path& folder) {
  return fs::exists(folder / kFile);
}

}  // namespace graft::train
