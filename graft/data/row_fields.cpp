#include "graft/data/row_fields.h"

#include "graft/base/error.h"
#include "graft/data/names.h"

namespace graft::data {

Split split_of_row(const Json& row, const Options& options) {
  const bool named = options.is_set("split");
  const auto found = row.find(named ? options.text("split") : "split");
  if (found == row.end()) return Split::none;
  const Split split = found->is_string() ? split_called(found->get<std::string>()) : Split::none;
  if (split == Split::none && named) {
    fail_unreadable("the split {} is none of train, validation and test", printable(found->dump()));
  }
  return split;
}

std::string id_of_row(const Json& row, const Options& options) {
  if (!options.is_set("id")) return "";
  const auto found = row.find(options.text("id"));
  if (found == row.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

}  // namespace graft::data
