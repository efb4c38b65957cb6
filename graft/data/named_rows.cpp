#include "graft/data/named_rows.h"

#include "graft/base/error.h"
#include "graft/data/names.h"
#include "graft/data/record_reader.h"
#include "graft/data/table_objects.h"

namespace graft::data {
namespace fs = std::filesystem;

NamedRows::NamedRows(const fs::path& path, std::vector<std::string>& notes)
    : where_(printable(path.string())),
      unit_(unit_of(path)),
      rows_(is_table_file(path) ? open_table_objects(path, notes) : open_objects(path, notes)),
      notes_(notes) {}

std::vector<std::string> NamedRows::names() const {
  auto names = rows_->names();
  if (names.empty()) fail_unreadable("{} holds no record with named fields", where_);
  return names;
}

void NamedRows::for_each(const std::function<void(int64_t, const Json&)>& take) {
  MalformedRecords malformed(where_, unit_);
  int64_t seen = 0;
  for (; rows_->next(); ++seen)
    malformed.try_to(rows_->number(), [&] { take(rows_->number(), rows_->take()); });
  if (seen == 0) fail_unreadable("{} holds no records", where_);
  malformed.finish(seen, notes_);
}

std::vector<std::string> peek_names(const fs::path& path) {
  if (is_table_file(path)) return table_names(path);
  const Json object = holds_objects(path) ? first_object(path) : Json();
  return object.is_object() ? field_names(object) : std::vector<std::string>();
}

}  // namespace graft::data
