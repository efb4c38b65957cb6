#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graft/data/split_files.h"

namespace graft::data {

/// Whether a path is a Parquet file by its name, or a folder with one in it, at most three folders
/// down, and without pictures.
bool holds_parquet(const std::filesystem::path& path);

/// The Parquet files of a path by split and name, and the split of each: that which a word of its
/// name says, else that of its folder; `none` for all when no file says one, and for a path that is
/// a file. So Hugging Face keeps data sets: data/train-00000-of-00002.parquet,
/// default/validation/0000.parquet. Files beside the splits are left out with a note. Errors (exit
/// code 3): several data sets below one folder, or several sets for one split (train_sft and
/// train_gen).
std::vector<Part> parquet_shards(const std::filesystem::path& path,
                                 std::vector<std::string>& notes);

}  // namespace graft::data
