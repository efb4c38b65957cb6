#include "graft/data/parquet_rows.h"

#include <dlfcn.h>

#include <vector>

#include "graft/base/error.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"

namespace graft::data {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMaxBytes = int64_t{4} << 30;  // of a file's parts that are in memory at a time

/// plugins/arrow/plugin.cpp. It throws std::runtime_error with the reason alone.
using OpenRows = ParquetRows* (*)(const char* path, int64_t max_bytes);

/// Where the plugin may lie: beside an installed program, and where it was built.
std::vector<fs::path> plugin_places() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  std::vector<fs::path> places = {program / "../lib/graft/libgraft_arrow.so"};
#ifdef GRAFT_ARROW_PLUGIN
  places.emplace_back(GRAFT_ARROW_PLUGIN);
#endif
  return places;
}

struct Plugin {
  OpenRows open = nullptr;
  std::string reason = "this build of graft has no Arrow libraries";

  /// Symbols stay local: Arrow brings parts of libraries that LibTorch brings too.
  Plugin() {
    for (const fs::path& place : plugin_places()) {
      std::error_code failed;
      if (!fs::exists(place, failed)) continue;
      void* library = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (library) open = reinterpret_cast<OpenRows>(dlsym(library, "graft_open_parquet"));
      if (open) return;
      const char* error = dlerror();
      reason = fmt::format("{} cannot be loaded: {}", place.string(), error ? error : "unknown");
    }
  }
};

const Plugin& plugin() {
  static const Plugin loaded;
  return loaded;
}

/// Texts in a Parquet file are UTF-8 by its definition; some are not.
void make_valid(Json& value) {
  if (value.is_string()) {
    to_utf8(value.get_ref<std::string&>());
  } else if (value.is_structured()) {
    for (Json& item : value) make_valid(item);
  }
}

class CheckedRows final : public ParquetRows {
 public:
  explicit CheckedRows(const fs::path& path) : where_(printable(path.string())) {
    rows_.reset(naming_file([&] { return plugin().open(path.c_str(), kMaxBytes); }));
  }

  int64_t size() const override { return rows_->size(); }
  bool next(Json& row) override {
    const bool found = naming_file([&] { return rows_->next(row); });
    if (found) make_valid(row);
    return found;
  }

 private:
  template <typename Task>
  auto naming_file(const Task& task) const -> decltype(task()) {
    try {
      return task();
    } catch (const std::exception& error) {
      fail_unreadable("{} cannot be read as Parquet: {}; is the file whole?", where_,
                      printable(error.what()));
    }
  }

  std::string where_;
  std::unique_ptr<ParquetRows> rows_;
};

}  // namespace

bool reads_parquet() {
  return plugin().open != nullptr;
}

std::unique_ptr<ParquetRows> open_parquet(const fs::path& path) {
  if (reads_parquet()) return std::make_unique<CheckedRows>(path);
  const std::string name = printable(path.string());
  fail_unreadable(
      "{} is Parquet, and {}; run scripts/pyarrow, which fetches them, and build graft anew, or "
      "convert the file to JSON lines with pandas (pip install pandas pyarrow): python3 -c "
      "\"import pandas; pandas.read_parquet('{}').to_json('{}', orient='records', lines=True)\"",
      name, plugin().reason, name, printable(fs::path(path).replace_extension("jsonl").string()));
}

}  // namespace graft::data
