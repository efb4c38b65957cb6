#pragma once

#include <map>

#include "graft/data/inputs.h"
#include "graft/text/augment.h"
#include "graft/text/chat/record_encoder.h"
#include "graft/text/preprocess.h"
#include "graft/text/word_encoder.h"

namespace graft::data {

/// The texts of a source as tokens, one after the other; beside each token a mark: its type, or of
/// records whether it is learned; and where words are told apart, which one begins there. Where a
/// sample is k texts, text k i is the first one of sample i: of preferences the chosen answer,
/// before the rejected one.
class TokenStore {
 public:
  explicit TokenStore(int64_t texts)
      : begins_(static_cast<size_t>(texts), -1), sizes_(begins_.size()) {}

  bool has(int64_t i) const { return begins_[static_cast<size_t>(i)] >= 0; }
  void add(int64_t i, const texts::Tokens& tokens);
  int64_t size(int64_t i) const { return sizes_[static_cast<size_t>(i)]; }
  const int32_t* ids(int64_t i) const { return ids_.data() + begins_[static_cast<size_t>(i)]; }
  const uint8_t* marks(int64_t i) const { return marks_.data() + begins_[static_cast<size_t>(i)]; }
  /// Null where words are not told apart.
  const int32_t* words(int64_t i) const {
    return words_.empty() ? nullptr : words_.data() + begins_[static_cast<size_t>(i)];
  }

 private:
  std::vector<int64_t> begins_;  // of every text of the source; -1: not there
  std::vector<int32_t> sizes_;
  std::vector<int32_t> ids_;
  std::vector<uint8_t> marks_;
  std::vector<int32_t> words_;
};

/// Texts: tokenized once, before the first pass over them; a batch is "ids" [T] int64, "lengths"
/// [B] int64 and, where texts are pairs, "types" [T] int64. Of records that a language model learns
/// "targets" [T] int64 say which token follows, -1 where that is not learned; where words have
/// classes, which word of its text begins with the token, -1 where none does. A preference is two
/// texts, one behind the other, and so is a pair that is compared, before its negatives: "lengths"
/// are [k B] then.
class TextInputs final : public Inputs {
 public:
  /// `texts_a_sample` > 1: the first, the second and the negatives of a sample are read one by one.
  TextInputs(texts::Preprocess preprocess, const View& usual, int64_t texts_a_sample = 1);
  /// Samples are lines of texts::Record; with `preferences` both answers of each are wanted. Call
  /// settle_samples before anything else.
  explicit TextInputs(std::shared_ptr<const texts::RecordEncoder> records,
                      bool preferences = false);
  /// Samples have Text::words.
  TextInputs(std::shared_ptr<const texts::WordEncoder> words, const View& usual);

  std::unique_ptr<Batches> batches(const View& view, std::vector<int64_t> order, const Pass& pass,
                                   LoaderOptions options,
                                   std::shared_ptr<ThreadPool> pool) override;
  int64_t parts() const override { return texts_a_sample_; }
  std::vector<int64_t> lengths(const View& view) override;
  bool random() const override { return augmentation_.random(); }
  void set_augmentation(const Json& augment) override;
  nn::Flow example(int64_t samples) const override;
  double computed_share(int64_t samples) const override;
  /// Tokens are always kept.
  void keep(const Dataset& /*data*/, int64_t /*bytes*/) override {}
  ReadCost try_reading(const View& view, int64_t samples,
                       const std::function<bool()>& stop) const override;

  /// Of records: see split_long_texts.h; left out are those in which no token is left to learn.
  void settle_samples(Dataset& data) override;
  /// Texts that were cut to max_length, so far.
  int64_t cut() const override { return cut_; }
  std::string note() const override;

 private:
  using Texts = std::vector<texts::Tokens>;  // of a sample, texts_a_sample_ of them

  void measure(const View& usual);
  Texts tokenize(const View& view, int64_t position) const;
  Texts try_to_tokenize(const View& view, int64_t position, std::string& refused) const;
  bool learns(const TokenStore& store, int64_t sample) const;
  std::shared_ptr<const TokenStore> tokens_of(const View& view, ThreadPool* pool);

  texts::Preprocess preprocess_;
  texts::Augmentation augmentation_;
  std::shared_ptr<const texts::RecordEncoder> records_;  // null: texts are no records
  std::shared_ptr<const texts::WordEncoder> words_;      // null: their words are not told apart
  int64_t texts_a_sample_ = 1;
  std::vector<int64_t> usual_lengths_;  // of some samples, rising
  double usual_learned_ = 0;            // share of their tokens
  std::vector<texts::Tokens> usual_records_;
  int64_t usual_cut_ = 0;  // how many of them were cut
  std::map<const Source*, std::shared_ptr<TokenStore>> stores_;
  int64_t cut_ = 0;
  int64_t refused_ = 0;  // records of the view at hand that cannot be used
  std::string first_refused_;
};

/// Tokens of some texts as a flow.
nn::Flow to_flow(const std::vector<texts::Tokens>& batch);

}  // namespace graft::data
