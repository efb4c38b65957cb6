#include "graft/text/decoder.h"

namespace graft::texts {
namespace {

/// A space before each token that does not continue a word.
class WordPiece : public Decoder {
 public:
  WordPiece(std::string prefix, bool clean) : prefix_(std::move(prefix)), clean_(clean) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      std::string& token = tokens[i];
      if (i > 0) {
        if (token.starts_with(prefix_)) {
          token.erase(0, prefix_.size());
        } else {
          token.insert(0, 1, ' ');
        }
      }
      if (clean_) token = clean_up(std::move(token));
    }
  }

 private:
  std::string prefix_;
  bool clean_;
};

}  // namespace

std::unique_ptr<const Decoder> make_word_piece_decoder(const Node& node, int /*depth*/) {
  return std::make_unique<WordPiece>(node.text("prefix"), node.boolean("cleanup"));
}

}  // namespace graft::texts
