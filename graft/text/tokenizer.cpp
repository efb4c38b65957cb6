#include "graft/text/tokenizer.h"

#include <algorithm>
#include <mutex>

#include "graft/text/encode.h"
#include "graft/text/tokenizer_parts.h"

namespace graft::texts {

struct Tokenizer::Impl {
  TokenizerParts parts;
  AddedTokens added;
  bool needs_origins = false;
  mutable std::mutex mutex;
  mutable std::vector<std::unique_ptr<Scratch>> scratches;  ///< that nobody uses just now

  explicit Impl(TokenizerParts given) : parts(std::move(given)) {
    GRAFT_ASSERT(parts.model != nullptr);
    std::vector<AddedToken> symbols;
    symbols.reserve(parts.user_symbols.size());
    for (const std::string& symbol : parts.user_symbols) symbols.push_back({.content = symbol});
    added.add(symbols, *parts.model, nullptr);
    added.add(parts.added_tokens, *parts.model, parts.normalizer.get());
    needs_origins = parts.pre_tokenizer && parts.pre_tokenizer->needs_origins();
  }

  /// Caches are worth keeping: they go from one call to the next.
  class Lease {
   public:
    explicit Lease(const Impl& owner) : owner_(owner) {
      const std::lock_guard lock(owner_.mutex);
      if (!owner_.scratches.empty()) {
        scratch_ = std::move(owner_.scratches.back());
        owner_.scratches.pop_back();
      }
      if (!scratch_) scratch_ = owner_.parts.model->make_scratch();
    }
    ~Lease() {
      const std::lock_guard lock(owner_.mutex);
      owner_.scratches.push_back(std::move(scratch_));
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Scratch* get() const { return scratch_.get(); }

   private:
    const Impl& owner_;
    std::unique_ptr<Scratch> scratch_;
  };

  Encoding encode_one(std::string_view text, uint32_t sequence,
                      const EncodeOptions& options) const {
    const Lease scratch(*this);
    return encode_text(text, sequence, options, parts, added, needs_origins, scratch.get());
  }

  Encoding encode_words(std::span<const std::string_view> words,
                        const EncodeOptions& options) const {
    const Lease scratch(*this);
    Encoding all;
    all.detailed = !options.ids_only;
    for (size_t i = 0; i < words.size(); ++i) {
      Encoding word = encode_text(words[i], 0, options, parts, added, needs_origins, scratch.get());
      std::ranges::fill(word.words, static_cast<int32_t>(i));
      append(all, word);
    }
    return all;
  }

  Encoding finish(std::vector<Encoding> texts, const EncodeOptions& options) const {
    const bool pair = texts.size() > 1;
    if (parts.truncation && options.truncate) {
      Truncation how = *parts.truncation;
      const uint64_t specials =
          options.add_special && parts.post_processor ? parts.post_processor->added(pair) : 0;
      if (specials > how.max_length) {
        fail_usage(
            "truncation: max_length is {}, but the special tokens alone are {}; raise it or encode "
            "without special tokens",
            how.max_length, specials);
      }
      how.max_length -= specials;
      truncate_pair(texts[0], pair ? &texts[1] : nullptr, how);
    }
    if (parts.post_processor) parts.post_processor->apply(texts, options.add_special);
    if (texts.size() == 1) return std::move(texts[0]);
    Encoding all;
    all.detailed = !options.ids_only;
    for (const Encoding& part : texts) merge(all, part);
    return all;
  }

  Encoding padded(Encoding encoding) const {
    if (!parts.padding) return encoding;
    std::vector<Encoding> one;
    one.push_back(std::move(encoding));
    pad(one, *parts.padding);
    return std::move(one[0]);
  }
};

Tokenizer::Tokenizer(TokenizerParts parts) : impl_(std::make_unique<Impl>(std::move(parts))) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<Encoding> texts;
  texts.push_back(impl_->encode_one(text, 0, options));
  if (options.bare) return std::move(texts[0]);
  return impl_->padded(impl_->finish(std::move(texts), options));
}

Encoding Tokenizer::encode(std::string_view text, std::string_view pair,
                           const EncodeOptions& options) const {
  std::vector<Encoding> texts;
  texts.push_back(impl_->encode_one(text, 0, options));
  texts.push_back(impl_->encode_one(pair, 1, options));
  return impl_->padded(impl_->finish(std::move(texts), options));
}

Encoding Tokenizer::encode_words(std::span<const std::string_view> words,
                                 const EncodeOptions& options) const {
  std::vector<Encoding> texts;
  texts.push_back(impl_->encode_words(words, options));
  if (options.bare) return std::move(texts[0]);
  return impl_->padded(impl_->finish(std::move(texts), options));
}

std::vector<Encoding> Tokenizer::encode_batch(std::span<const std::string> texts,
                                              const EncodeOptions& options,
                                              ThreadPool* pool) const {
  std::vector<Encoding> all(texts.size());
  const auto encode_at = [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    std::vector<Encoding> one;
    one.push_back(impl_->encode_one(texts[at], 0, options));
    all[at] = options.bare ? std::move(one[0]) : impl_->finish(std::move(one), options);
  };
  const auto count = static_cast<int64_t>(texts.size());
  if (pool != nullptr) {
    pool->for_each(count, encode_at);
  } else {
    for (int64_t i = 0; i < count; ++i) encode_at(i);
  }
  if (impl_->parts.padding && !options.bare) pad(all, *impl_->parts.padding);
  return all;
}

std::string Tokenizer::decode(std::span<const uint32_t> ids, bool skip_special) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const uint32_t id : ids) {
    const std::string* token = impl_->added.decoded(id);
    if (token == nullptr) token = impl_->parts.model->vocabulary().token(id);
    if (token == nullptr || (skip_special && impl_->added.is_special(*token))) continue;
    tokens.push_back(*token);
  }
  std::string text;
  if (impl_->parts.decoder) {
    if (tokens.empty()) return text;
    impl_->parts.decoder->apply(tokens);
    for (const std::string& token : tokens) text += token;
  } else {
    for (size_t i = 0; i < tokens.size(); ++i) text += (i > 0 ? " " : "") + tokens[i];
  }
  return impl_->parts.clean_up_spaces ? clean_up_spaces(std::move(text)) : text;
}

std::optional<uint32_t> Tokenizer::token_to_id(const std::string& token) const {
  if (const auto id = impl_->added.id(token)) return id;
  return impl_->parts.model->vocabulary().id(token);
}

std::optional<std::string> Tokenizer::id_to_token(uint32_t id) const {
  if (const AddedToken* token = impl_->added.token(id)) return token->content;
  const std::string* token = impl_->parts.model->vocabulary().token(id);
  return token == nullptr ? std::nullopt : std::optional(*token);
}

size_t Tokenizer::size() const {
  const Vocabulary& own = impl_->parts.model->vocabulary();
  return own.size() +
         static_cast<size_t>(std::ranges::count_if(impl_->added.all(), [&](const auto& entry) {
           return !own.id(entry.first).has_value();
         }));
}

size_t Tokenizer::id_end() const {
  const size_t own = impl_->parts.model->vocabulary().id_end();
  const auto highest = impl_->added.highest_id();
  return highest ? std::max<size_t>(own, size_t{*highest} + 1) : own;
}

size_t Tokenizer::add_tokens(const std::vector<AddedToken>& tokens) {
  return impl_->added.add(tokens, *impl_->parts.model, impl_->parts.normalizer.get());
}

bool Tokenizer::is_added(const std::string& token) const {
  return impl_->added.id(token).has_value();
}

std::optional<std::string> Tokenizer::special_token(const std::string& purpose) const {
  const auto found = impl_->parts.special_tokens.find(purpose);
  if (found == impl_->parts.special_tokens.end()) return std::nullopt;
  return found->second;
}

std::optional<uint32_t> Tokenizer::special_id(const std::string& purpose) const {
  const auto token = special_token(purpose);
  return token ? token_to_id(*token) : std::nullopt;
}

void Tokenizer::set_truncation(std::optional<Truncation> truncation) {
  impl_->parts.truncation = truncation;
}
void Tokenizer::set_padding(std::optional<Padding> padding) {
  impl_->parts.padding = std::move(padding);
}
const std::optional<Truncation>& Tokenizer::truncation() const {
  return impl_->parts.truncation;
}
const std::optional<Padding>& Tokenizer::padding() const {
  return impl_->parts.padding;
}
const std::vector<std::string>& Tokenizer::notes() const {
  return impl_->parts.notes;
}

}  // namespace graft::texts
