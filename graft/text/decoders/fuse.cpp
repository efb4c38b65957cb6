#include "graft/text/decoder.h"

namespace graft::texts {
namespace {

class Fuse : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens.assign(1, all);
  }
};

}  // namespace

std::unique_ptr<const Decoder> make_fuse_decoder(const Node& /*node*/, int /*depth*/) {
  return std::make_unique<Fuse>();
}

}  // namespace graft::texts
