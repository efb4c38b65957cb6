#include "graft/io/checkpoint_folder.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <unordered_map>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/safetensors.h"
#include "graft/io/torch_pickle.h"
#include "graft/io/zip_directory.h"

namespace graft::io {
namespace {
namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kFiles{
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
    "pytorch_model.bin.index.json"};
constexpr size_t kMaxIndex = size_t{64} << 20;

TensorMap read_weight_file(const fs::path& path) {
  auto file = std::make_shared<MappedFile>(path);
  const auto bytes = file->bytes();
  const bool pickled = is_zip(bytes) || (bytes.size() >= 2 && bytes[0] == 0x80 &&
                                         path.extension() != ".safetensors");
  if (pickled) return parse_torch_pickle(bytes, file, path.string());
  const bool safetensors =
      path.extension() == ".safetensors" || (bytes.size() > 8 && bytes[8] == '{');
  if (safetensors) return SafetensorsReader(bytes, file, path.string()).views();
  fail_unreadable(
      "{} is no weight file that graft reads: it begins neither as safetensors nor as a file of "
      "torch.save; if it is a pointer of Git LFS, fetch the file itself",
      path.string());
}

/// tensor → shard. The base library's Json keeps the order of keys by searching them one by one,
/// which is slow for the tens of thousands of names of an index.
std::unordered_map<std::string, std::string> read_index(const fs::path& path) {
  const std::string text = read_file(path, kMaxIndex);
  std::unordered_map<std::string, std::string> shards;
  const auto root = nlohmann::json::parse(text, nullptr, false);
  const auto map = root.is_object() ? root.find("weight_map") : root.end();
  if (map == root.end() || !map->is_object() || map->empty()) {
    fail_unreadable("{} is no index of shards: an object 'weight_map' is expected", path.string());
  }
  for (const auto& [name, shard] : map->items()) {
    if (!shard.is_string()) {
      fail_unreadable("{}: the shard of '{}' is not a file name", path.string(), name);
    }
    shards.emplace(name, shard.get<std::string>());
  }
  return shards;
}

TensorMap read_shards(const fs::path& index) {
  const auto shard_of = read_index(index);
  std::set<std::string> shards;
  for (const auto& [name, shard] : shard_of) shards.insert(shard);
  TensorMap all;
  for (const auto& shard : shards) {
    const fs::path path = join_inside(index.parent_path(), shard);
    if (!fs::exists(path)) {
      fail_unreadable("{} lists the shard {}, which is missing; download it", index.string(),
                      path.string());
    }
    for (const auto& [name, tensor] : read_weight_file(path)) {
      const auto place = shard_of.find(name);
      if (place == shard_of.end() || place->second == shard) all.add(name, tensor);
    }
  }
  for (const auto& [name, shard] : shard_of) {
    if (!all.contains(name)) {
      fail_unreadable("{} lists the tensor '{}' in {}, but it is not there", index.string(), name,
                      shard);
    }
  }
  return all;
}

}  // namespace

fs::path find_checkpoint_file(const fs::path& folder) {
  for (const auto name : kFiles) {
    if (fs::is_regular_file(folder / name)) return folder / name;
  }
  return {};
}

TensorMap read_checkpoint(const fs::path& file_or_folder) {
  if (!fs::is_directory(file_or_folder)) {
    return file_or_folder.filename().string().ends_with(".index.json")
               ? read_shards(file_or_folder)
               : read_weight_file(file_or_folder);
  }
  const fs::path file = find_checkpoint_file(file_or_folder);
  if (file.empty()) {
    fail_unreadable("{} holds no weights: one of {} is expected", file_or_folder.string(),
                    fmt::join(kFiles, ", "));
  }
  return file.extension() == ".json" ? read_shards(file) : read_weight_file(file);
}

}  // namespace graft::io
