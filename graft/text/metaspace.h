#pragma once

#include <string>

#include "graft/text/node.h"

namespace graft::texts {

/// Where Metaspace puts a space in front: at every piece, at the one the original begins with, or
/// nowhere.
enum class PrependScheme { always, first, never };

struct MetaspaceOptions {
  char32_t code = U'\u2581';
  std::string replacement = "\u2581";
  PrependScheme prepend = PrependScheme::always;
  bool split = true;
};

/// The members of a Metaspace, in the form of today or with add_prefix_space.
MetaspaceOptions read_metaspace(const Node& node);

}  // namespace graft::texts
