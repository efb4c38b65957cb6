#pragma once

#include <filesystem>
#include <string>

namespace graft::models {

/// Turns a model of another project into a folder in Hugging Face's layout: TensorFlow.js layers
/// models of MobileNetV2 (Keras names), and weights that load_model reads in timm's or
/// torchvision's names. Returns a line that says what was found. Errors have exit code 3.
std::string convert_model(const std::filesystem::path& source, const std::filesystem::path& folder);

}  // namespace graft::models
