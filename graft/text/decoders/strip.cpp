#include "graft/text/decoder.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

/// Takes a character off the ends of every token, a number of times at most.
class Strip : public Decoder {
 public:
  Strip(char32_t content, uint64_t start, uint64_t stop)
      : content_(to_utf8(content)), start_(start), stop_(stop) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string_view left = token;
      for (uint64_t i = 0; i < start_ && left.starts_with(content_); ++i)
        left.remove_prefix(content_.size());
      for (uint64_t i = 0; i < stop_ && left.ends_with(content_); ++i)
        left.remove_suffix(content_.size());
      token = std::string(left);
    }
  }

 private:
  std::string content_;
  uint64_t start_;
  uint64_t stop_;
};

}  // namespace

std::unique_ptr<const Decoder> make_strip_decoder(const Node& node, int /*depth*/) {
  return std::make_unique<Strip>(node.at("content").character(), node.at("start").count(),
                                 node.at("stop").count());
}

}  // namespace graft::texts
