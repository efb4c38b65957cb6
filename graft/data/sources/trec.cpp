#include <algorithm>
#include <cctype>

#include "graft/base/error.h"
#include "graft/data/format.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"
#include "graft/data/text_records.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

/// Where the blank behind "COARSE:fine" is; npos when the line does not begin so.
size_t label_end(std::string_view line) {
  const size_t blank = line.find(' ');
  if (blank == std::string_view::npos || blank > 64) return std::string_view::npos;
  const std::string_view label = line.substr(0, blank);
  const size_t colon = label.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == label.size()) {
    return std::string_view::npos;
  }
  const auto is_upper = [](unsigned char c) { return std::isupper(c) || c == '_'; };
  const auto is_lower = [](unsigned char c) { return std::islower(c) || c == '_'; };
  const bool both =
      std::all_of(label.begin(), label.begin() + static_cast<long>(colon), is_upper) &&
      std::all_of(label.begin() + static_cast<long>(colon) + 1, label.end(), is_lower);
  return both ? blank : std::string_view::npos;
}

bool is_trec(const fs::path& path) {
  const std::string extension = extension_of(path.string());
  if (extension == "csv" || extension == "tsv" || extension == "json" || extension == "jsonl") {
    return false;
  }
  const auto lines = first_lines(path);
  return !lines.empty() && std::all_of(lines.begin(), lines.end(), [](const std::string& line) {
    return trimmed(line).empty() || label_end(line) != std::string::npos;
  });
}

Listing open_trec(const fs::path& path, const Options& options) {
  const std::string where = printable(path.string());
  const bool fine = options.text("label") == "fine";
  TextRecords records(where, "line");
  const std::string text = read_text_file(path, records.notes());
  LineReader reader(text);
  for (std::string_view line; reader.next(line);) {
    if (trimmed(line).empty()) continue;
    const size_t end = label_end(line);
    if (end == std::string_view::npos) {
      fail_unreadable("{}, line {}: expected 'COARSE:fine text', got '{}'", where, reader.number(),
                      printable(line.substr(0, 60)));
    }
    const size_t label = fine ? end : line.find(':');
    records.add(reader.number(), trimmed(line.substr(end)), std::nullopt,
                {std::string(line.substr(0, label))});
  }
  return records.finish();
}

}  // namespace

Format trec() {
  Format format;
  format.name = "trec";
  format.summary = "questions and their types, a line 'COARSE:fine text' each";
  format.source = "Li and Roth 2002, Learning Question Classifiers";
  format.content = Content::texts;
  format.options = {text("label", "coarse", "which part of the label: COARSE or COARSE:fine")
                        .one_of({"coarse", "fine"})};
  format.detect = is_trec;
  format.open = open_trec;
  return format;
}

}  // namespace graft::data::sources
