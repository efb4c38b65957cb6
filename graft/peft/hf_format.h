#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "graft/io/tensor_map.h"
#include "graft/nn/parameter.h"
#include "graft/peft/method.h"

/// Adapter folders of Hugging Face peft: adapter_config.json and adapter_model.safetensors, as peft
/// 0.21 writes them. https://huggingface.co/docs/peft/developer_guides/checkpoint
namespace graft::peft {

/// Another name for a module path; without one (empty) names stay.
using Rename = std::function<std::string(const std::string& module_path)>;

/// A module that is saved whole beside the adapters: the new head.
struct SavedModule {
  std::string path;       ///< becomes an entry of modules_to_save: "classifier"
  io::TensorMap tensors;  ///< named below the path: "weight", "1.bias"
};

struct SaveInfo {
  std::string base_model;  ///< base_model_name_or_path: a folder or a hub id
  Json revision = {};      ///< of a hub id, where it is not the usual one
  /// {"base_model_class": "ViTForImageClassification", "parent_library":
  /// "transformers.models.vit.modeling_vit"}; null is allowed, but peft's AutoPeftModel cannot find
  /// the class then.
  Json auto_mapping;
  Json task_type;  ///< CAUSAL_LM of a language model, TOKEN_CLS of classes of words,
                   ///< FEATURE_EXTRACTION of embeddings, else null
  std::vector<SavedModule> modules;
  /// Module paths of transformers 5 → those of the file. Empty writes what transformers 5 calls
  /// them; hub names make a file for transformers 4.
  Rename rename;
};

struct SavedAdapter {
  int layers = 0;  ///< with 0 nothing was written
  /// Paths of the layers whose adapter peft has no form for. They are not in the folder.
  std::vector<std::string> left;
};

/// Writes the adapters of `choice.method` that sit on the registry's seams. A grouped convolution
/// has one A a group here and a dense one in peft: it is padded with zeros, with rank and alpha of
/// its own (rank_pattern, alpha_pattern) that keep the scale. `choice.method` must have a
/// peft_type.
SavedAdapter save_adapter(const std::filesystem::path& folder, nn::Registry& registry,
                          const Choice& choice, const SaveInfo& info);

/// An adapter folder as it lies on the disk.
struct LoadedAdapter {
  std::filesystem::path folder;
  Json config;            ///< adapter_config.json
  io::TensorMap tensors;  ///< without "base_model.model."; lazily from the file
};

/// The tensors of a folder's adapter_model.safetensors, or .bin, by the names of the file.
io::TensorMap adapter_file(const std::filesystem::path& folder);

/// Reads adapter_config.json and adapter_model.safetensors (or .bin, as older versions wrote it).
/// Errors have exit code 3.
LoadedAdapter load_adapter(const std::filesystem::path& folder);

struct AttachedAdapter {
  Choice choice;                  ///< method, options and targets as the file has them
  std::vector<std::string> head;  ///< parameters that were overwritten (modules_to_save)
};

/// Puts the file's adapters on the seams and copies modules_to_save into the registry's parameters.
/// `rename` leads from the file's module paths to the registry's, so that files of transformers 4
/// load. Every tensor must find its place and every target its tensors: anything else, and any
/// feature of peft that graft lacks, is an error (exit code 3), and the registry is as it was.
AttachedAdapter attach_adapter(nn::Registry& registry, const LoadedAdapter& adapter,
                               const Rename& rename = {});

}  // namespace graft::peft
