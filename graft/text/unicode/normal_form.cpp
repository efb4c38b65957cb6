#include "graft/text/unicode/normal_form.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include "graft/base/error.h"
#include "graft/text/unicode/properties.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

const icu::Normalizer2& normalizer(bool compatible) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* found = compatible ? icu::Normalizer2::getNFKCInstance(status)
                                             : icu::Normalizer2::getNFCInstance(status);
  GRAFT_ASSERT(U_SUCCESS(status) && found != nullptr);
  return *found;
}

constexpr char32_t kFirstChanged = 0xa0;  // below it nothing decomposes, nothing combines

int combining_class(char32_t c) {
  if (c < 0x300 || !assigned_in(c, 9, 0)) return 0;
  return u_getCombiningClass(static_cast<UChar32>(c));
}

class Decomposer {
 public:
  explicit Decomposer(bool compatible) : icu_(normalizer(compatible)) {}

  void run(std::string_view text, std::vector<Change>& out) {
    for (size_t at = 0; at < text.size();) {
      const Utf8Char next = utf8_at(text, at);
      at += next.bytes;
      if (next.code < kFirstChanged) {
        put(next.code, 0, out);
        continue;
      }
      icu::UnicodeString parts;
      // U+32FF and U+1F16C got another meaning after Unicode 9, where they were unassigned.
      if (!assigned_in(next.code, 9, 0) ||
          icu_.getDecomposition(static_cast<UChar32>(next.code), parts) == 0) {
        put(next.code, 0, out);
        continue;
      }
      for (int32_t i = 0, n = 0; i < parts.length(); ++n) {
        const UChar32 part = parts.char32At(i);
        put(static_cast<char32_t>(part), n == 0 ? 0 : 1, out);
        i += U16_LENGTH(part);
      }
    }
    sort_pending(out);
  }

 private:
  void put(char32_t code, int change, std::vector<Change>& out) {
    if (combining_class(code) == 0) {
      sort_pending(out);
      out.push_back({code, change});
      pending_ = out.size();
    } else {
      out.push_back({code, change});
    }
  }
  /// Puts the marks since the last starter into canonical order.
  void sort_pending(std::vector<Change>& out) {
    const size_t count = out.size() - pending_;
    if (count > 1) {
      order_.clear();
      for (size_t i = 0; i < count; ++i)
        order_.push_back({combining_class(out[pending_ + i].code), i, out[pending_ + i]});
      std::ranges::sort(order_, [](const Mark& a, const Mark& b) {
        return a.own_class != b.own_class ? a.own_class < b.own_class : a.place < b.place;
      });
      for (size_t i = 0; i < count; ++i) out[pending_ + i] = order_[i].change;
    }
    pending_ = out.size();
  }

  struct Mark {
    int own_class;
    size_t place;
    Change change;
  };

  const icu::Normalizer2& icu_;
  size_t pending_ = 0;
  std::vector<Mark> order_;
};

std::optional<char32_t> compose(char32_t a, char32_t b) {
  if (b < 0x300) return std::nullopt;
  const UChar32 both =
      normalizer(false).composePair(static_cast<UChar32>(a), static_cast<UChar32>(b));
  if (both < 0 || !assigned_in(static_cast<char32_t>(both), 9, 0)) return std::nullopt;
  return static_cast<char32_t>(both);
}

/// Composes in place; `all` is decomposed and in canonical order.
void recompose(std::vector<Change>& all) {
  size_t written = 0;
  std::optional<size_t> starter;  // where in the output
  std::optional<int> last_class;  // of the mark before, behind that starter
  for (size_t i = 0; i < all.size(); ++i) {
    const Change next = all[i];
    const int own_class = combining_class(next.code);
    const bool blocked = last_class && *last_class >= own_class;
    if (starter && !blocked) {
      if (const auto both = compose(all[*starter].code, next.code)) {
        all[*starter].code = *both;
        all[*starter].change += next.change - 1;
        continue;
      }
    }
    if (own_class == 0) {
      starter = written;
      last_class.reset();
    } else if (starter) {
      last_class = own_class;
    }
    all[written++] = next;
  }
  all.resize(written);
}

}  // namespace

void normalize(std::string_view text, NormalForm form, std::vector<Change>& out) {
  const bool compatible = form == NormalForm::nfkc || form == NormalForm::nfkd;
  out.clear();
  Decomposer(compatible).run(text, out);
  if (form == NormalForm::nfc || form == NormalForm::nfkc) recompose(out);
}

bool is_ascii(std::string_view text) {
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if ((word & 0x8080808080808080U) != 0) return false;
  }
  for (; at < text.size(); ++at) {
    if (static_cast<uint8_t>(text[at]) >= 0x80) return false;
  }
  return true;
}

}  // namespace graft::texts
