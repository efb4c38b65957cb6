#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graft/base/parallel.h"
#include "graft/text/added_tokens.h"
#include "graft/text/encoding.h"

namespace graft::texts {

struct TokenizerParts;

/// What Encoding::offsets count.
enum class OffsetUnit {
  bytes,      ///< bytes of the text given
  characters  ///< code points of it, as Python counts; ill-formed bytes count as decoded there
};

struct EncodeOptions {
  bool add_special = true;    ///< the tokens that the model wants around a text ([CLS], <s>, ...)
  bool parse_special = true;  ///< special tokens that are spelled out in the text are recognised
  bool ids_only = false;      ///< fills Encoding::ids only, several times as fast
  bool truncate = true;       ///< as the tokenizer is set
  OffsetUnit offsets = OffsetUnit::bytes;
  /// The tokens of a single text and nothing more, for who puts samples together himself: no
  /// special tokens around, neither cut nor padded, and offsets with the white space of their
  /// tokens.
  bool bare = false;
};

/// Text to token ids and back, equal to Hugging Face `tokenizers` 0.23 (for tokenizer.json,
/// vocab.txt, vocab.json with merges.txt), `sentencepiece` 0.2 and `tiktoken`. Encoding and
/// decoding may be done by many threads at once.
///
///   const auto tokenizer = Tokenizer::open("models/bert-base-uncased");
///   const Encoding encoding = tokenizer.encode("Hello, world!");
///   tokenizer.decode(encoding.ids);   // "hello, world!"
///
/// Bytes that are not UTF-8 count as U+FFFD, as Python's bytes.decode(errors="replace") has it. A
/// text may have up to 1 GiB; longer ones are errors (exit code 2).
class Tokenizer {
 public:
  /// Opens a folder (the first found of: tokenizer.json; tokenizer.model, spiece.model or
  /// spm.model; vocab.json and merges.txt; vocab.txt) or one such file. Beside it,
  /// tokenizer_config.json names special tokens, adds tokens, and says what is put around texts
  /// where the file itself does not. Errors (exit code 3) say what is wrong and where.
  static Tokenizer open(const std::filesystem::path& path);
  /// From the text of a tokenizer.json; `where` names it in errors.
  static Tokenizer from_json(const std::string& text, const std::string& where);

  explicit Tokenizer(TokenizerParts parts);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  Encoding encode(std::string_view text, const EncodeOptions& options = {}) const;
  /// Two texts, such as question and context.
  Encoding encode(std::string_view text, std::string_view pair,
                  const EncodeOptions& options = {}) const;
  /// A text that was cut into words before (is_split_into_words=True of transformers): each word is
  /// tokenized by itself, and Encoding::words says which one a token is of. Offsets count within
  /// the word. A word of which nothing is left has no token.
  Encoding encode_words(std::span<const std::string_view> words,
                        const EncodeOptions& options = {}) const;
  /// All texts, on the threads of `pool` where one is given; padding makes them equally long.
  std::vector<Encoding> encode_batch(std::span<const std::string> texts,
                                     const EncodeOptions& options = {},
                                     ThreadPool* pool = nullptr) const;

  /// Unknown ids are left out.
  std::string decode(std::span<const uint32_t> ids, bool skip_special = true) const;

  std::optional<uint32_t> token_to_id(const std::string& token) const;
  std::optional<std::string> id_to_token(uint32_t id) const;
  /// Number of different tokens, added ones included.
  size_t size() const;
  /// One above the highest id: the rows that an embedding needs.
  size_t id_end() const;

  /// Adds tokens to look for in texts; those that the vocabulary lacks get the ids from
  /// `id_end()` on. Returns how many are new or changed. Not while others encode.
  size_t add_tokens(const std::vector<AddedToken>& tokens);

  bool is_added(const std::string& token) const;

  /// The token for a purpose ("bos_token", "eos_token", "pad_token", "unk_token", "cls_token",
  /// "sep_token", "mask_token") where the files name it.
  std::optional<std::string> special_token(const std::string& purpose) const;
  std::optional<uint32_t> special_id(const std::string& purpose) const;

  void set_truncation(std::optional<Truncation> truncation);
  void set_padding(std::optional<Padding> padding);
  const std::optional<Truncation>& truncation() const;
  const std::optional<Padding>& padding() const;

  /// What the file asks for and is not done, one sentence each.
  const std::vector<std::string>& notes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace graft::texts
