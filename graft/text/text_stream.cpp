#include "graft/text/text_stream.h"

#include <algorithm>

#include "graft/base/error.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

constexpr size_t kContext = 16;  // tokens before the text that decide how it begins
// A character has at most four tokens; what says nothing for so long is no character.
constexpr size_t kLongest = 32;
constexpr std::string_view kReplacement = "\ufffd";

/// What `now` has beyond `before`, from a character's first byte on.
std::string_view beyond(std::string_view before, std::string_view now) {
  size_t at = std::min(before.size(), now.size());
  if (!now.starts_with(before)) {
    while (at < now.size() && (static_cast<uint8_t>(now[at]) & 0xc0U) == 0x80) ++at;
  }
  return now.substr(at);
}

/// Length of the longest end of `text` that `stop` may begin with.
size_t begun(std::string_view text, std::string_view stop) {
  for (size_t n = std::min(text.size(), stop.size() - 1); n > 0; --n) {
    if (text.ends_with(stop.substr(0, n))) return n;
  }
  return 0;
}

}  // namespace

TextStream::TextStream(const Tokenizer& tokenizer, std::span<const uint32_t> before,
                       std::vector<std::string> stops)
    : tokenizer_(&tokenizer), stops_(std::move(stops)) {
  if (std::ranges::any_of(stops_, [](const std::string& s) { return s.empty(); }))
    fail_usage("stop: a text that ends the answer must have at least one character, got \"\"");
  const size_t count = std::min(before.size(), kContext);
  ids_.assign(before.end() - static_cast<std::ptrdiff_t>(count), before.end());
  read_ = ids_.size();
  context_ = tokenizer_->decode(ids_);
}

std::string TextStream::add(uint32_t id) {
  if (stopped_) return "";
  ids_.push_back(id);
  const std::string now = tokenizer_->decode(ids_);
  const std::string_view fresh = beyond(context_, now);
  // Tokens are decoded beside their neighbours, since decoders look at these; what ends amid a
  // character waits for the rest of it.
  const bool whole = !fresh.empty() && !fresh.ends_with(kReplacement);
  if (!whole && ids_.size() - read_ < kLongest) return "";
  held_ += fresh;
  ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(read_));
  read_ = ids_.size();
  context_ = tokenizer_->decode(ids_);
  return release(false);
}

std::string TextStream::finish() {
  if (stopped_) return "";
  held_ += beyond(context_, tokenizer_->decode(ids_));
  ids_.clear();
  read_ = 0;
  context_.clear();
  return release(true);
}

std::string TextStream::release(bool all) {
  size_t end = held_.size();
  for (const std::string& stop : stops_) {
    const size_t found = held_.find(stop);
    stopped_ = stopped_ || found != std::string::npos;
    end = std::min(end, found);
  }
  if (!stopped_ && !all) {
    size_t back = 0;
    for (const std::string& stop : stops_) back = std::max(back, begun(held_, stop));
    end -= back;
  }
  std::string out = held_.substr(0, end);
  held_.erase(0, stopped_ ? held_.size() : end);
  return out;
}

}  // namespace graft::texts
