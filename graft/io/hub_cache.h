#pragma once

#include <filesystem>
#include <string>

namespace graft::io {

/// The snapshot folder of `org/name[@revision]` in the local Hugging Face cache (layout of
/// huggingface_hub: models--org--name/{refs,snapshots}). The revision is a branch, a tag, a pull
/// request ("refs/pr/1") or a commit, "main" by default. Nothing is downloaded: a model that is not
/// there is an error (exit code 3) with the command that fetches it; an id that is none, exit
/// code 2.
std::filesystem::path find_in_hub_cache(const std::string& id);

/// Where the cache lies: HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else HF_HOME/hub, else
/// XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub.
std::filesystem::path hub_cache_folder();

/// Whether a text has the form `org/name[@revision]` or `name[@revision]`.
bool is_hub_id(const std::string& text);

}  // namespace graft::io
