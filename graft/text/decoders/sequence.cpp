#include "graft/text/decoder.h"

namespace graft::texts {
namespace {

class Sequence : public Decoder {
 public:
  explicit Sequence(std::vector<std::unique_ptr<const Decoder>> steps) : steps_(std::move(steps)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (const auto& step : steps_) step->apply(tokens);
  }

 private:
  std::vector<std::unique_ptr<const Decoder>> steps_;
};

}  // namespace

std::unique_ptr<const Decoder> make_sequence_decoder(const Node& node, int depth) {
  std::vector<std::unique_ptr<const Decoder>> steps;
  for (const Node& item : node.at("decoders").items())
    steps.push_back(make_decoder(item, depth + 1));
  return std::make_unique<Sequence>(std::move(steps));
}

}  // namespace graft::texts
