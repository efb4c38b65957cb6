#include "graft/text/normalizer.h"

namespace graft::texts {
namespace {

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(AlignedText& text) const override { prepend(text, prefix_); }

 private:
  std::string prefix_;
};

}  // namespace

std::unique_ptr<const Normalizer> make_prepend_normalizer(const Node& node, int /*depth*/) {
  return std::make_unique<Prepend>(node.text("prepend"));
}

}  // namespace graft::texts
