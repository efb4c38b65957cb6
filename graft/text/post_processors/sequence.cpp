#include "graft/text/post_processor.h"

namespace graft::texts {
namespace {

class Sequence : public PostProcessor {
 public:
  explicit Sequence(std::vector<std::unique_ptr<const PostProcessor>> steps)
      : steps_(std::move(steps)) {}

  size_t added(bool pair) const override {
    size_t sum = 0;
    for (const auto& step : steps_) sum += step->added(pair);
    return sum;
  }
  void apply(std::vector<Encoding>& parts, bool add_special) const override {
    for (const auto& step : steps_) step->apply(parts, add_special);
  }

 private:
  std::vector<std::unique_ptr<const PostProcessor>> steps_;
};

}  // namespace

std::unique_ptr<const PostProcessor> make_sequence_post_processor(const Node& node, int depth) {
  std::vector<std::unique_ptr<const PostProcessor>> steps;
  for (const Node& item : node.at("processors").items())
    steps.push_back(make_post_processor(item, depth + 1));
  return std::make_unique<Sequence>(std::move(steps));
}

}  // namespace graft::texts
