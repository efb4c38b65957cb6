#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "graft/models/family.h"

/// Darknet's own files: a .cfg, the .weights that belong to it, and the .names of its classes.
namespace graft::models {

inline constexpr const char* kCfgKey = "cfg";  ///< in config.json: the text of the .cfg
/// In config.json: what the .weights file began with.
inline constexpr const char* kHeaderKey = "darknet_header";

struct DarknetFiles {
  std::filesystem::path cfg;
  std::filesystem::path weights;  ///< empty: there are none
  std::filesystem::path names;    ///< empty: the classes have no names
};

/// The files that a path means: a .cfg or .weights file, or a folder with one .cfg and no other
/// model. Weights and names are those called like the .cfg ("yolo.weights", "yolo_best.weights"),
/// else the only ones in the folder. Nothing where it means something else; several .cfg files, or
/// weights without one, are errors (exit code 3).
std::optional<DarknetFiles> find_darknet(const std::filesystem::path& path);

/// config.json for such files: model_type "darknet", the cfg's text, names of the classes.
Json darknet_config(const DarknetFiles& files);

/// Config and tensors. Weights that are wanted and not there are an error (exit code 3).
Checkpoint read_darknet(const DarknetFiles& files, bool weights);

/// Writes <name>.cfg, <name>.weights and <name>.names, which Darknet and OpenCV read; the same
/// bytes as they were read where nothing changed. Adapters must have been merged. A model of
/// another family is an error (exit code 2).
void save_darknet(const Model& model, const std::filesystem::path& folder, const std::string& name);

}  // namespace graft::models
