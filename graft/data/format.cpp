#include "graft/data/format.h"

#include <algorithm>

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

bool knows(const Format& format, const Json& columns) {
  if (!columns.is_object()) return true;
  return std::all_of(columns.items().begin(), columns.items().end(), [&](const auto& item) {
    return std::any_of(format.options.begin(), format.options.end(),
                       [&](const Option& option) { return option.name == item.key(); });
  });
}

Options options_of(const Format& format, const Json& columns) {
  return {format.options, columns, "data.columns of format " + format.name};
}

}  // namespace

const Format* find_format(const fs::path& path, const Json& columns) {
  const Format* first = nullptr;
  for (const Format& format : formats()) {
    if (!format.detect(path)) continue;
    if (knows(format, columns)) return &format;
    if (!first) first = &format;
  }
  return first;
}

Listing open_listing(const fs::path& path, const std::string& name, const Json& columns) {
  std::error_code failed;
  if (!fs::exists(path, failed)) {
    fail_unreadable(
        "there is no data at {}; give the path of an image folder, a table, a tar or IDX files, "
        "or of texts as a table, as JSON or in class folders",
        path.string());
  }
  const Format* format =
      name.empty() ? find_format(path, columns) : &find_in(formats(), name, "data format");
  if (!format) {
    std::string known;
    for (const Format& one : formats()) {
      known += fmt::format("{}{} ({})", known.empty() ? "" : "; ", one.name, one.summary);
    }
    const std::string ending = path.extension().string();
    const bool packed = ending == ".gz" || ending == ".bz2" || ending == ".xz" || ending == ".zst";
    fail_unreadable("{} is in no format that graft reads{}; known: {}", path.string(),
                    packed ? " (it is compressed: unpack it first)" : "", known);
  }
  return format->open(path, options_of(*format, columns));
}

Listing open_questions(const fs::path& path, const Json& columns) {
  const Format* format = find_format(path, nullptr);
  if (!format || !format->open_unlabelled) return open_listing(path, "", nullptr);
  if (columns.is_object() && knows(*format, columns)) {
    try {
      return format->open_unlabelled(path, options_of(*format, columns));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::unreadable) throw;  // other names than the model's own data
    }
  }
  return format->open_unlabelled(path, options_of(*format, nullptr));
}

}  // namespace graft::data
