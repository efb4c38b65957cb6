#include "graft/text/normalizer.h"

namespace graft::texts {
namespace {

class Sequence : public Normalizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<const Normalizer>> steps)
      : steps_(std::move(steps)) {}
  void apply(AlignedText& text) const override {
    for (const auto& step : steps_) step->apply(text);
  }

 private:
  std::vector<std::unique_ptr<const Normalizer>> steps_;
};

}  // namespace

std::unique_ptr<const Normalizer> make_sequence_normalizer(const Node& node, int depth) {
  std::vector<std::unique_ptr<const Normalizer>> steps;
  for (const Node& item : node.at("normalizers").items())
    steps.push_back(make_normalizer(item, depth + 1));
  return std::make_unique<Sequence>(std::move(steps));
}

}  // namespace graft::texts
