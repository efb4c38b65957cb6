#pragma once

#include <filesystem>
#include <string>

namespace graft::models {

/// Turns a model of another project into a folder in Hugging Face's layout: TensorFlow.js layers
/// models of MobileNetV2 (Keras names), and weights that load_model reads in timm's or
/// torchvision's names. Returns a line that says what was found. A source that cannot be read has
/// exit code 3; a folder that holds a model already is refused (2) unless `overwrite`.
std::string convert_model(const std::filesystem::path& source, const std::filesystem::path& folder,
                          bool overwrite = false);

}  // namespace graft::models
