#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graft/data/sample.h"

namespace graft::data {

/// A path and the split that it is said to be; `none` when it is the whole data.
struct Part {
  std::filesystem::path path;
  Split split = Split::none;
};

/// The one split that a word of a file's name says ("SICK_test_annotated.txt"); none for several.
Split split_in(const std::string& name);

/// Files directly in a folder that are a split each: train.csv, test.tar.gz …; for formats of texts
/// the split may stand anywhere in the name (SICK_train.txt, TREC.test). Parquet files are no such
/// parts: a folder of them is read whole (parquet_shards.h). Empty when none is to be
/// trained on. Two files for one split are an error (exit code 3), and so are texts to be measured
/// on without any to train on.
std::vector<Part> split_files(const std::filesystem::path& folder);

}  // namespace graft::data
