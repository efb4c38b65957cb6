#include <algorithm>

#include "graft/text/pre_tokenizer.h"

namespace graft::texts {
namespace {

class Sequence : public PreTokenizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<const PreTokenizer>> steps)
      : steps_(std::move(steps)) {}
  void apply(Pieces& pieces) const override {
    for (const auto& step : steps_) step->apply(pieces);
  }
  bool needs_origins() const override {
    return std::ranges::any_of(steps_, [](const auto& step) { return step->needs_origins(); });
  }

 private:
  std::vector<std::unique_ptr<const PreTokenizer>> steps_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_sequence_pre_tokenizer(const Node& node, int depth) {
  std::vector<std::unique_ptr<const PreTokenizer>> steps;
  for (const Node& item : node.at("pretokenizers").items())
    steps.push_back(make_pre_tokenizer(item, depth + 1));
  return std::make_unique<Sequence>(std::move(steps));
}

}  // namespace graft::texts
