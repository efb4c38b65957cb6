#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graft/models/load.h"
#include "graft/train/trained_set.h"

namespace graft::train {

struct Job;

/// Whether `path` is a run folder (config.yaml beside log.jsonl or summary.json).
bool is_run_folder(const std::filesystem::path& path);

/// The run's summary.json; none, or one that is no mapping, is an error (exit code 3).
Json run_summary(const std::filesystem::path& run);
/// What kind of labels a run learned, by its summary.
Target run_problem(const std::filesystem::path& run);
/// The classes a run was trained on, in order.
std::vector<std::string> run_classes(const std::filesystem::path& run);

/// The model a run ended with: its base with adapter and delta folded in, or its model/ folder. The
/// head is fitted to `classes` by name (empty keeps the run's).
models::LoadedModel load_run_model(const std::filesystem::path& run,
                                   const std::vector<std::string>& classes = {});

/// Whether `path` is an adapter folder of Hugging Face peft.
bool is_adapter_folder(const std::filesystem::path& path);

/// The run at source.path, which knows its task; the adapter of peft that lies there, folded into
/// its base (base_model_name_or_path); or what load_model reads.
models::LoadedModel load_any_model(const models::ModelSource& source,
                                   const std::vector<std::string>& classes = {});
/// The same; what is neither run nor adapter is opened for the task that it was saved for.
models::LoadedModel load_any_model(const std::string& path);

/// Writes what a run learned: model/ when the base itself was trained (or is an earlier run), else
/// adapter/ for what peft has a form for and delta.safetensors for the rest. Returns what was
/// written.
std::vector<std::string> write_learned(const Job& job, const std::vector<TrainedTensor>& trained,
                                       const std::filesystem::path& run);

}  // namespace graft::train
