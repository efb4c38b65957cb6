#include "graft/text/normalizer.h"

namespace graft::texts {
namespace {

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void apply(AlignedText& text) const override { strip(text, left_, right_); }

 private:
  bool left_;
  bool right_;
};

}  // namespace

std::unique_ptr<const Normalizer> make_strip_normalizer(const Node& node, int /*depth*/) {
  return std::make_unique<Strip>(node.boolean("strip_left"), node.boolean("strip_right"));
}

}  // namespace graft::texts
