#pragma once

#include <memory>

#include "graft/text/component.h"
#include "graft/text/encoding.h"

namespace graft::texts {

/// Puts special tokens around the one or two texts of an input. Immutable.
class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  /// How many tokens it adds to one text, or to two.
  virtual size_t added(bool pair) const = 0;
  /// `parts` are the texts; afterwards all parts in order, which the caller puts together.
  virtual void apply(std::vector<Encoding>& parts, bool add_special) const = 0;
};

const std::vector<ComponentRecord<PostProcessor>>& post_processors();
std::unique_ptr<const PostProcessor> make_post_processor(const Node& node, int depth = 0);

/// A special token and its id, ["</s>", 2].
struct SpecialToken {
  std::string content;
  uint32_t id = 0;
};
SpecialToken read_special(const Node& node);

/// An encoding that consists of special tokens; it has the lists that `like` has.
Encoding special_encoding(const std::vector<SpecialToken>& tokens, uint32_t type_id,
                          const Encoding& like);
/// Puts special tokens before or behind an encoding and the windows of its overflow.
void surround(Encoding& encoding, const SpecialToken* before, const SpecialToken* behind,
              uint32_t type_id);

/// Takes white space at the ends of tokens out of their offsets. `prefix_space` leaves one at the
/// beginning of the text, which was put there.
void trim_offsets(Encoding& encoding, bool prefix_space);

}  // namespace graft::texts
