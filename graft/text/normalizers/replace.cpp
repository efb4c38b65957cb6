#include "graft/text/normalizer.h"
#include "graft/text/pattern.h"

namespace graft::texts {
namespace {

class Replace : public Normalizer {
 public:
  Replace(Regex pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void apply(AlignedText& text) const override { replace_all(text, pattern_, content_); }

 private:
  Regex pattern_;
  std::string content_;
};

}  // namespace

std::unique_ptr<const Normalizer> make_replace_normalizer(const Node& node, int /*depth*/) {
  return std::make_unique<Replace>(read_pattern(node.at("pattern")), node.text("content"));
}

}  // namespace graft::texts
