#include "graft/text/model.h"

namespace graft::texts {
namespace {

class WordLevel : public Model {
 public:
  WordLevel(Vocabulary words, const std::string& unknown)
      : Model(std::move(words)), unknown_(vocabulary().id(unknown)) {}

  void tokenize(std::string_view piece, Scratch* /*scratch*/,
                std::vector<Token>& out) const override {
    auto id = vocabulary().id(piece);
    if (!id) id = unknown_;
    if (!id)
      fail_unreadable(
          "the word '{}' is not in the vocabulary, which has no token for unknown words", piece);
    out.push_back({*id, 0, static_cast<uint32_t>(piece.size())});
  }
  std::optional<uint32_t> unknown() const override { return unknown_; }

 private:
  std::optional<uint32_t> unknown_;
};

}  // namespace

std::unique_ptr<const Model> make_word_level_model(const Node& node, int /*depth*/) {
  return std::make_unique<WordLevel>(Vocabulary::read(node.at("vocab")), node.text("unk_token"));
}

}  // namespace graft::texts
