#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/data/text.h"

namespace graft::cli {

/// Picture files that files, folders (recursively) and patterns name, in order, without repeats. A
/// word that names nothing is an error (exit code 3).
std::vector<std::filesystem::path> picture_files(const std::vector<std::string>& words);

/// A text and what it is called.
struct NamedText {
  std::string name;
  data::Text text;
};

/// The texts of files: a line each of "-" (standard input) and of files that no data format knows;
/// of tables, JSON and words in lines as data formats read them, `columns` by the names that a
/// run's data.columns gave. A word that names nothing is an error (exit code 3).
std::vector<NamedText> named_texts(const std::vector<std::string>& words,
                                   const Json& columns = nullptr);

}  // namespace graft::cli
