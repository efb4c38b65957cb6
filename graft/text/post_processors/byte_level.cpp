#include "graft/text/post_processor.h"

namespace graft::texts {
namespace {

/// Adds nothing; only takes white space out of offsets.
class ByteLevel : public PostProcessor {
 public:
  ByteLevel(bool trim, bool prefix_space) : trim_(trim), prefix_space_(prefix_space) {}

  size_t added(bool /*pair*/) const override { return 0; }
  void apply(std::vector<Encoding>& parts, bool /*add_special*/) const override {
    if (!trim_) return;
    for (Encoding& part : parts) trim_offsets(part, prefix_space_);
  }

 private:
  bool trim_;
  bool prefix_space_;
};

}  // namespace

std::unique_ptr<const PostProcessor> make_byte_level_post_processor(const Node& node,
                                                                    int /*depth*/) {
  return std::make_unique<ByteLevel>(node.boolean("trim_offsets"),
                                     node.boolean("add_prefix_space"));
}

}  // namespace graft::texts
