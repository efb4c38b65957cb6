#include "graft/text/regex.h"

#include <oniguruma.h>

#include <array>
#include <mutex>

#include "graft/base/error.h"
#include "graft/text/unicode/newer.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

constexpr size_t kMaxPattern = 65'536;
// Steps back before it counts as a pattern that explodes ("(a*)*b"): from one place, and on the way
// to the next match.
constexpr unsigned long kMaxStepsAtPlace = 10'000'000;
constexpr unsigned long kMaxSteps = 1'000'000'000;

const OnigUChar* bytes(std::string_view text) {
  return reinterpret_cast<const OnigUChar*>(text.data());
}

std::string message_of(int code, OnigErrorInfo* info) {
  std::array<OnigUChar, ONIG_MAX_ERROR_MESSAGE_LEN> text{};
  const int length = info != nullptr ? onig_error_code_to_str(text.data(), code, info)
                                     : onig_error_code_to_str(text.data(), code);
  return {reinterpret_cast<const char*>(text.data()), static_cast<size_t>(length)};
}

void initialize() {
  static std::once_flag once;
  std::call_once(once, [] {
    std::array<OnigEncoding, 1> encodings{ONIG_ENCODING_UTF8};
    onig_initialize(encodings.data(), 1);
    onig_set_retry_limit_in_search(kMaxSteps);
    onig_set_retry_limit_in_match(kMaxStepsAtPlace);
  });
}

}  // namespace

struct Regex::Compiled {
  regex_t* regex = nullptr;
  Compiled() = default;
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;
  ~Compiled() {
    if (regex != nullptr) onig_free(regex);
  }
};

Regex::Regex(const std::string& pattern, const std::string& where)
    : compiled_(std::make_unique<Compiled>()), pattern_(pattern), where_(where) {
  if (pattern.size() > kMaxPattern) {
    fail_unreadable("{}: the pattern has {} bytes; the limit is {}", where, pattern.size(),
                    kMaxPattern);
  }
  initialize();
  OnigErrorInfo info{};
  const int code = onig_new(&compiled_->regex, bytes(pattern), bytes(pattern) + pattern.size(),
                            ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY, &info);
  if (code != ONIG_NORMAL) {
    fail_unreadable("{}: '{}' is not a pattern of Oniguruma's Ruby syntax ({})", where, pattern,
                    message_of(code, &info));
  }
}

Regex Regex::literal(const std::string& text, const std::string& where) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$#&-~ ").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  Regex regex(pattern, where);
  regex.literal_ = text;
  return regex;
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

void Regex::find_all(std::string_view text, std::vector<Match>& out) const {
  if (text.empty()) return;
  if (!literal_.empty()) {
    for (size_t at = text.find(literal_); at != std::string_view::npos;
         at = text.find(literal_, at + literal_.size())) {
      out.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(at + literal_.size())});
    }
    return;
  }
  std::string old_text;
  if (stand_in_for_newer(text, old_text)) text = old_text;
  struct Region {
    OnigRegion* region = onig_region_new();
    ~Region() { onig_region_free(region, 1); }
  } holder;
  OnigRegion* region = holder.region;
  const OnigUChar* begin = bytes(text);
  const OnigUChar* end = begin + text.size();
  size_t at = 0;
  int64_t last_end = -1;
  while (at <= text.size()) {
    const int found =
        onig_search(compiled_->regex, begin, end, begin + at, end, region, ONIG_OPTION_NONE);
    if (found == ONIG_MISMATCH) return;
    if (found < 0) {
      fail_unreadable("{}: matching '{}' failed ({}); the pattern is not fit for such text", where_,
                      pattern_, message_of(found, nullptr));
    }
    const auto first = static_cast<uint32_t>(region->beg[0]);
    const auto last = static_cast<uint32_t>(region->end[0]);
    // An empty match right behind the one before does not count.
    const bool counts = first != last || last_end != static_cast<int64_t>(first);
    if (counts) {
      out.push_back({first, last});
      last_end = last;
    }
    at = last;
    if (first == last) at += at < text.size() ? utf8_length(text[at]) : 1;
  }
}

}  // namespace graft::texts
