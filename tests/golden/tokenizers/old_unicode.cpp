// Prints as JSON which code points this machine's ICU and Oniguruma call unassigned, for
// make_unicode.py:
//   g++ -std=c++20 tests/golden/tokenizers/old_unicode.cpp -o /tmp/old -licuuc -lonig && /tmp/old >
//   /tmp/old.json
#define ONIG_ESCAPE_UCHAR_COLLISION
#include <oniguruma.h>
#include <unicode/uchar.h>

#include <cstdio>
#include <functional>

namespace {

void print_ranges(const char* name, const std::function<bool(int)>& unassigned) {
  std::printf("\"%s\": [", name);
  const char* comma = "";
  int first = -1;
  for (int c = 0; c <= 0x110000; ++c) {
    const bool is = c < 0x110000 && (c < 0xd800 || c > 0xdfff) && unassigned(c);
    if (is && first < 0) first = c;
    if (is || first < 0) continue;
    std::printf("%s[%d, %d]", comma, first, c - 1);
    comma = ", ";
    first = -1;
  }
  std::printf("]");
}

}  // namespace

int main() {
  OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
  onig_initialize(encodings, 1);
  const OnigUChar pattern[] = "\\p{Cn}";
  regex_t* regex = nullptr;
  onig_new(&regex, pattern, pattern + 6, ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY,
           nullptr);
  std::printf("{");
  print_ranges("icu", [](int c) { return u_charType(c) == U_UNASSIGNED; });
  std::printf(", ");
  print_ranges("onig", [&](int c) {
    OnigUChar bytes[ONIGENC_CODE_TO_MBC_MAXLEN];
    const int n = ONIGENC_CODE_TO_MBC(ONIG_ENCODING_UTF8, static_cast<OnigCodePoint>(c), bytes);
    return onig_match(regex, bytes, bytes + n, bytes, nullptr, ONIG_OPTION_NONE) == n;
  });
  std::printf("}\n");
  return 0;
}
