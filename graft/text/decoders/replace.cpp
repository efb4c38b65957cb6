#include "graft/text/decoder.h"
#include "graft/text/pattern.h"

namespace graft::texts {
namespace {

class Replace : public Decoder {
 public:
  Replace(Regex pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<Match> matches;
    for (std::string& token : tokens) {
      matches.clear();
      pattern_.find_all(token, matches);
      if (matches.empty()) continue;
      std::string out;
      size_t at = 0;
      for (const Match& match : matches) {
        out.append(token, at, match.begin - at).append(content_);
        at = match.end;
      }
      token = out.append(token, at);
    }
  }

 private:
  Regex pattern_;
  std::string content_;
};

}  // namespace

std::unique_ptr<const Decoder> make_replace_decoder(const Node& node, int /*depth*/) {
  return std::make_unique<Replace>(read_pattern(node.at("pattern")), node.text("content"));
}

}  // namespace graft::texts
