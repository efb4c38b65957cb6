// Seeds: *.json *.jsonl *.tsv *.csv
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/data/format.h"
#include "graft/text/chat/record.h"

// Files of texts: listed or refused, and what is listed can be read. The first byte chooses the
// format.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static const std::filesystem::path kFolder = [] {
    auto folder = std::filesystem::temp_directory_path() / ("fuzz-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    return folder;
  }();
  static constexpr std::array<const char*, 6> kNames = {"a.tsv",  "a.csv",   "a.txt",
                                                        "a.json", "a.jsonl", "a.train"};
  const auto path = kFolder / kNames[data[0] % kNames.size()];
  graft::write_atomically(path,
                          std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  try {
    const auto* format = graft::data::find_format(path, nullptr);
    if (!format || format->content != graft::data::Content::texts) return 0;
    const auto listing = graft::data::open_listing(path, format->name, nullptr);
    if (listing.samples.size() != listing.splits.size()) std::abort();
    for (size_t i = 0; i < listing.samples.size(); ++i) {
      const auto text = listing.text(static_cast<int64_t>(i));
      if (text.first.empty() && !text.second) std::abort();
      if (listing.target == graft::Target::next_token) graft::texts::parse_record(text.first);
      for (const int label : listing.samples[i].labels) {
        if (label < 0 || static_cast<size_t>(label) >= listing.classes.size()) std::abort();
      }
    }
  } catch (const graft::Error&) {
  }
  return 0;
}
