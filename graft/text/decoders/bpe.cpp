#include "graft/text/decoder.h"

namespace graft::texts {
namespace {

/// The suffix of words ("</w>") becomes a space, none at the end.
class Bpe : public Decoder {
 public:
  explicit Bpe(std::string suffix) : suffix_(std::move(suffix)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = replaced(std::move(tokens[i]), suffix_, i + 1 == tokens.size() ? "" : " ");
  }

 private:
  std::string suffix_;
};

}  // namespace

std::unique_ptr<const Decoder> make_bpe_decoder(const Node& node, int /*depth*/) {
  return std::make_unique<Bpe>(node.text("suffix"));
}

}  // namespace graft::texts
