#pragma once

#include <filesystem>

#include "graft/models/model.h"

/// The files by which sentence-transformers (Reimers and Gurevych 2019, arXiv:1908.10084) says how
/// a model's tokens become one vector: modules.json, and a folder for each module.
namespace graft::models {

/// Whether a folder has them: it is a model of embeddings.
bool has_sentence_files(const std::filesystem::path& folder);

/// Puts into the config how the folder's model was trained to pool ("classifier_pooling"), where it
/// says so. A config that says it itself is kept for classification; for embeddings only what was
/// `given` by the user is, and modules that graft does not have are errors (exit code 3).
/// Embeddings are normalised ("normalize_features") where the folder has them so.
void read_sentence_files(Json& config, const std::filesystem::path& folder, Task task, bool given);

/// Writes them beside a model of embeddings, with the prompts that came with it.
void write_sentence_files(const Model& model, const std::filesystem::path& folder);

}  // namespace graft::models
