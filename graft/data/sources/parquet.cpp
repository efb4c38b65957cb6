#include "graft/base/error.h"
#include "graft/data/format.h"
#include "graft/data/names.h"
#include "graft/data/text_columns.h"

namespace graft::data::sources {
namespace fs = std::filesystem;

/// Known so that a Parquet file is met with what to do, not with "no known format".
Format parquet() {
  Format format;
  format.name = "parquet";
  format.summary = "not read yet: says how to convert it";
  format.source = "https://parquet.apache.org";
  format.content = Content::texts;
  format.options = text_column_options();
  format.detect = [](const fs::path& path) {
    std::error_code failed;
    return extension_of(path.string()) == "parquet" && fs::is_regular_file(path, failed);
  };
  format.open = [](const fs::path& path, const Options&) -> Listing {
    const std::string name = printable(path.string());
    fail_unreadable(
        "{} is Parquet, which this build of graft does not read; convert it to JSON lines with "
        "pandas (pip install pandas pyarrow): python3 -c \"import pandas; "
        "pandas.read_parquet('{}').to_json('{}', orient='records', lines=True)\"",
        name, name, printable(fs::path(path).replace_extension("jsonl").string()));
  };
  return format;
}

}  // namespace graft::data::sources
