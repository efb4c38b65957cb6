#include "graft/text/metaspace.h"

#include "graft/text/decoder.h"

namespace graft::texts {
namespace {

/// Visible spaces become spaces; those of the first token were put there and go.
class Metaspace : public Decoder {
 public:
  explicit Metaspace(MetaspaceOptions options) : options_(std::move(options)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      const bool drop = i == 0 && options_.prepend != PrependScheme::never;
      tokens[i] = replaced(std::move(tokens[i]), options_.replacement, drop ? "" : " ");
    }
  }

 private:
  MetaspaceOptions options_;
};

}  // namespace

std::unique_ptr<const Decoder> make_metaspace_decoder(const Node& node, int /*depth*/) {
  return std::make_unique<Metaspace>(read_metaspace(node));
}

}  // namespace graft::texts
