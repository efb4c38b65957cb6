#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "graft/base/catalog.h"
#include "graft/data/listing.h"

namespace graft::data {

/// A way in which labelled pictures or texts are stored. sources/<name>.cpp makes one, sources.def
/// lists it. Its options are the keys of `data.columns`.
struct Format : Entry {
  Content content = Content::images;
  bool reads_files = false;  ///< never a folder: one may hold a file a split instead
  /// Whether `path` (which exists) looks like this format; cheap, never throws for damaged content.
  std::function<bool(const std::filesystem::path& path)> detect;
  /// Lists the samples. Errors have exit code 3 and name the file.
  std::function<Listing(const std::filesystem::path& path, const Options& options)> open;
  /// The same of texts that may lack labels, which are not looked at: what a model is asked about.
  /// Absent where labels are no part of the format's choice.
  std::function<Listing(const std::filesystem::path& path, const Options& options)> open_unlabelled;
};

/// The catalogue, in the order in which formats are tried.
const std::vector<Format>& formats();

/// The first format that recognises `path`; of several, the first that knows all keys of `columns`.
/// None when no format does.
const Format* find_format(const std::filesystem::path& path, const Json& columns);

/// Opens `path` with the format called `name`, or with the one that is found when `name` is "".
Listing open_listing(const std::filesystem::path& path, const std::string& name,
                     const Json& columns);

/// Opens `path` for a model that is asked about it: labels are not needed. `columns` are those that
/// the model's own data had, where they fit the file.
Listing open_questions(const std::filesystem::path& path, const Json& columns);

}  // namespace graft::data
