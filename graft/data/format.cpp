#include "graft/data/format.h"

#include "graft/base/error.h"

namespace graft::data {
namespace fs = std::filesystem;

namespace sources {
#define SOURCE(name) Format name();
#include "graft/data/sources.def"
#undef SOURCE
}  // namespace sources

const std::vector<Format>& formats() {
  static const std::vector<Format> all = {
#define SOURCE(name) sources::name(),
#include "graft/data/sources.def"
#undef SOURCE
  };
  return all;
}

namespace {

const Format& detect_format(const fs::path& path) {
  for (const Format& format : formats()) {
    if (format.detect(path)) return format;
  }
  std::string known;
  for (const Format& format : formats()) {
    known += fmt::format("{}{} ({})", known.empty() ? "" : "; ", format.name, format.summary);
  }
  fail_unreadable("{} is in no format that graft reads; known: {}", path.string(), known);
}

}  // namespace

Listing open_listing(const fs::path& path, const std::string& name, const Json& columns) {
  std::error_code failed;
  if (!fs::exists(path, failed)) {
    fail_unreadable(
        "there is no data at {}; give the path of an image folder, a CSV, a tar or IDX files",
        path.string());
  }
  const Format& format =
      name.empty() ? detect_format(path) : find_in(formats(), name, "data format");
  return format.open(path,
                     Options(format.options, columns, "data.columns of format " + format.name));
}

}  // namespace graft::data
