#include "graft/models/darknet/files.h"

#include <torch/types.h>

#include <algorithm>
#include <set>
#include <vector>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/checkpoint_folder.h"
#include "graft/io/darknet_weights.h"
#include "graft/models/darknet/network.h"

namespace graft::models {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMostText = size_t{4} << 20;

std::vector<fs::path> files_ending(const fs::path& folder, const char* extension) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == extension && entry.is_regular_file(ignored))
      found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

/// The file of that extension that belongs to `like`; empty where none or no single one does.
fs::path companion(const fs::path& like, const char* extension) {
  const fs::path folder = like.parent_path().empty() ? "." : like.parent_path();
  // Darknet calls what it trained after the cfg.
  for (const char* ending : {"", "_best", "_final", "_last"}) {
    const fs::path file = folder / (like.stem().string() + ending + extension);
    if (fs::is_regular_file(file)) return file;
  }
  const auto all = files_ending(folder, extension);
  return all.size() == 1 ? all[0] : fs::path();
}

std::vector<std::string> read_names(const fs::path& file) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  std::string text = read_file(file, kMostText);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string name = text.substr(at, end - at);
    while (!name.empty() && (name.back() == '\r' || name.back() == ' ')) name.pop_back();
    at = end + 1;
    if (name.empty())
      fail_unreadable("{}, line {}: empty; each line is the name of a class", file.string(),
                      names.size() + 1);
    if (!seen.insert(name).second)
      fail_unreadable("{}, line {}: '{}' is there twice; classes are told apart by their names",
                      file.string(), names.size() + 1, name);
    names.push_back(std::move(name));
  }
  return names;
}

Json header_json(const io::DarknetHeader& h) {
  return {{"version", {h.major, h.minor, h.revision}}, {"seen", h.seen}};
}

bool is_count(const Json& value) {
  return value.is_number_unsigned() || (value.is_number_integer() && value.get<int64_t>() >= 0);
}

io::DarknetHeader header_of(const Json& config) {
  io::DarknetHeader header;
  const Json given = config.value(kHeaderKey, Json());
  if (given.is_null()) return header;
  const Json version = given.is_object() ? given.value("version", Json()) : Json();
  const Json seen = given.is_object() ? given.value("seen", Json()) : Json();
  const bool good = version.is_array() && version.size() == 3 && is_count(seen) &&
                    std::ranges::all_of(version, [](const Json& n) {
                      return is_count(n) && n.get<int64_t>() <= 1000;
                    });
  if (!good)
    fail_unreadable("config.json: {} must be {{\"version\": [0, 2, 5], \"seen\": 0}}, got {}",
                    kHeaderKey, given.dump());
  return {version[0].get<int32_t>(), version[1].get<int32_t>(), version[2].get<int32_t>(),
          seen.get<uint64_t>()};
}

}  // namespace

std::optional<DarknetFiles> find_darknet(const fs::path& path) {
  DarknetFiles files;
  if (fs::is_directory(path)) {
    if (fs::exists(path / "config.json") || !io::find_checkpoint_file(path).empty())
      return std::nullopt;
    const auto all = files_ending(path, ".cfg");
    if (all.empty()) return std::nullopt;
    if (all.size() > 1)
      fail_unreadable("{}: holds {} .cfg files; give the path of the one that is meant, such as {}",
                      path.string(), all.size(), all[0].string());
    files.cfg = all[0];
  } else if (path.extension() == ".cfg") {
    files.cfg = path;
  } else if (path.extension() == ".weights") {
    files.weights = path;
    files.cfg = companion(path, ".cfg");
    if (files.cfg.empty())
      fail_unreadable(
          "{}: which network the weights are for stands in a .cfg, and beside them lies neither {} "
          "nor a single other one; give the path of the .cfg",
          path.string(), path.stem().string() + ".cfg");
  } else {
    return std::nullopt;
  }
  if (files.weights.empty()) files.weights = companion(files.cfg, ".weights");
  files.names = companion(files.cfg, ".names");
  return files;
}

Json darknet_config(const DarknetFiles& files) {
  const std::string text = read_file(files.cfg, kMostText);
  const int64_t classes = io::parse_darknet(text, files.cfg.string()).classes();
  Json config = {{"model_type", "darknet"},
                 {"architectures", Json::array({kDarknetArchitecture})},
                 {kCfgKey, text}};
  if (files.names.empty()) return config;
  const auto names = read_names(files.names);
  if (static_cast<int64_t>(names.size()) != classes)
    fail_unreadable("{}: {} names, but {} has {} classes", files.names.string(), names.size(),
                    files.cfg.string(), classes);
  for (size_t i = 0; i < names.size(); ++i) config["id2label"][std::to_string(i)] = names[i];
  return config;
}

Checkpoint read_darknet(const DarknetFiles& files, bool weights) {
  Checkpoint checkpoint;
  checkpoint.config = darknet_config(files);
  if (!weights) return checkpoint;
  if (files.weights.empty())
    fail_unreadable("{}: beside it lies neither {} nor a single other .weights file",
                    files.cfg.string(), files.cfg.stem().string() + ".weights");
  const io::DarknetNet net =
      io::parse_darknet(checkpoint.config[kCfgKey].get<std::string>(), files.cfg.string());
  io::DarknetWeights read = io::read_darknet_weights(files.weights, net);
  checkpoint.config[kHeaderKey] = header_json(read.header);
  checkpoint.tensors = std::move(read.tensors);
  return checkpoint;
}

void save_darknet(const Model& model, const fs::path& folder, const std::string& name) {
  if (model.family() != kDarknetFamily)
    fail_usage(
        "{}: a {} model has no form in Darknet's files; only models that were made of a .cfg "
        "do",
        folder.string(), model.family());
  for (const nn::Seam* seam : model.registry().seams) GRAFT_ASSERT(seam->adapters().empty());
  const std::string text = darknet_text(model);
  io::TensorMap tensors;
  for (const auto& p : model.registry().parameters) tensors.add(p.name, *p.value);
  std::string names;
  for (const auto& one : model.classes()) names += one + "\n";
  fs::create_directories(folder);
  io::write_darknet_weights(folder / (name + ".weights"),
                            io::parse_darknet(text, "the model's cfg"), header_of(model.config()),
                            tensors);
  write_atomically(folder / (name + ".cfg"), text);
  write_atomically(folder / (name + ".names"), names);
}

}  // namespace graft::models
