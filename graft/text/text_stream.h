#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graft/text/tokenizer.h"

namespace graft::texts {

/// Turns tokens into text as they come, for somebody who reads along: never a part of a character,
/// never what is to be cut off. All that it gives, joined, is the text.
///
///   TextStream stream(tokenizer, prompt, {"\n\n"});
///   for (const uint32_t id : ids) std::cout << stream.add(id);
///   std::cout << stream.finish();
///
/// Bytes that never become a character are U+FFFD. Special tokens are left out.
class TextStream {
 public:
  /// `before` are the tokens that the text goes on from (a space between them and the text belongs
  /// to the text); empty where it stands alone. The text ends before the first of `stops`, which
  /// may lie across tokens; an empty one is an error (exit code 2).
  TextStream(const Tokenizer& tokenizer, std::span<const uint32_t> before,
             std::vector<std::string> stops);

  /// One more token: what it adds to the text, which may be nothing yet.
  std::string add(uint32_t id);
  /// There are no more tokens: what was held back.
  std::string finish();
  /// A stop string was found; nothing comes any more.
  bool stopped() const { return stopped_; }

 private:
  std::string release(bool all);

  const Tokenizer* tokenizer_;
  std::vector<std::string> stops_;
  std::vector<uint32_t> ids_;  // a few whose text is out, then those whose text is not
  size_t read_ = 0;            // the number of the first ones
  std::string context_;        // the text of the first ones
  std::string held_;           // may be the beginning of a stop string
  bool stopped_ = false;
};

}  // namespace graft::texts
