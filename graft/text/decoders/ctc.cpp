#include "graft/text/decoder.h"

namespace graft::texts {
namespace {

/// Connectionist temporal classification: repeated tokens count once, padding separates.
class Ctc : public Decoder {
 public:
  Ctc(std::string pad, std::string delimiter, bool clean)
      : pad_(std::move(pad)), delimiter_(std::move(delimiter)), clean_(clean) {}
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0 && tokens[i] == tokens[i - 1]) continue;
      std::string token = replaced(tokens[i], pad_, "");
      if (clean_) token = replaced(clean_up(std::move(token)), delimiter_, " ");
      if (!token.empty()) out.push_back(std::move(token));
    }
    tokens = std::move(out);
  }

 private:
  std::string pad_;
  std::string delimiter_;
  bool clean_;
};

}  // namespace

std::unique_ptr<const Decoder> make_ctc_decoder(const Node& node, int /*depth*/) {
  return std::make_unique<Ctc>(node.text("pad_token"), node.text("word_delimiter_token"),
                               node.boolean("cleanup"));
}

}  // namespace graft::texts
