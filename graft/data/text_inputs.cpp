#include "graft/data/text_inputs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/data/batch_order.h"
#include "graft/data/share_prefixes.h"
#include "graft/data/split_long_texts.h"

namespace graft::data {
namespace {

constexpr int64_t kMeasured = 256;     // samples whose lengths stand for all
constexpr double kMostRefused = 0.01;  // of the records

/// What stands beside each token: its type, what is learned there of a record, or which word
/// begins.
enum class Beside : uint8_t { types, records, words };

Beside beside_of(const std::vector<texts::Tokens>& batch) {
  for (const texts::Tokens& tokens : batch) {
    if (!tokens.learned.empty()) return Beside::records;
    if (!tokens.words.empty()) return Beside::words;
  }
  return Beside::types;
}

/// A flow with room for `rows` tokens of `texts` texts.
class Room {
 public:
  Room(int64_t rows, int64_t texts, Beside what)
      : ids_(at::empty({rows}, at::kLong)),
        beside_(at::empty({rows}, at::kLong)),
        lengths_(at::empty({texts}, at::kLong)),
        what_(what) {}

  /// `words` are only read where they are what stands beside.
  void add(int64_t text, const int32_t* ids, const uint8_t* marks, const int32_t* words,
           int64_t size) {
    lengths_.data_ptr<int64_t>()[text] = size;
    std::copy_n(ids, size, ids_.data_ptr<int64_t>() + used_);
    int64_t* beside = beside_.data_ptr<int64_t>() + used_;
    if (what_ == Beside::words) {
      std::copy_n(words, size, beside);
    } else if (what_ == Beside::records) {
      // What is learned of a token is learned at the one before.
      for (int64_t i = 0; i + 1 < size; ++i) beside[i] = marks[i + 1] != 0 ? ids[i + 1] : -1;
      beside[size - 1] = -1;
    } else {
      std::copy_n(marks, size, beside);
      pairs_ = pairs_ || std::any_of(marks, marks + size, [](uint8_t type) { return type != 0; });
    }
    used_ += size;
  }
  nn::Flow flow() {
    nn::Flow result("ids", std::move(ids_));
    result["lengths"] = std::move(lengths_);
    if (what_ != Beside::types) result["targets"] = std::move(beside_);
    if (pairs_) result["types"] = std::move(beside_);
    return result;
  }

 private:
  at::Tensor ids_, beside_, lengths_;
  int64_t used_ = 0;
  Beside what_;
  bool pairs_ = false;
};

/// work(i) for i in [0, n), on the threads of a pool where there is one.
void for_each(ThreadPool* pool, int64_t n, const std::function<void(int64_t)>& work) {
  if (pool) {
    pool->for_each(n, work);
  } else {
    for (int64_t i = 0; i < n; ++i) work(i);
  }
}

/// Batches in a given order. What their texts become is up to who derives from it.
class OrderedTexts : public Batches {
 public:
  OrderedTexts(View view, std::vector<int64_t> order, const LoaderOptions& options)
      : view_(std::move(view)), next_(options.first_batch) {
    if (options.ends.empty())
      batches_ = batches_of_samples(std::move(order), options.batch_size);
    else
      batches_ = {std::move(order), options.ends};
  }

  std::optional<Batch> next() override {
    if (next_ >= batches_.batches()) return std::nullopt;
    Batch batch;
    batch.number = next_++;
    batch.indices.assign(batches_.order.begin() + batches_.begin(batch.number),
                         batches_.order.begin() + batches_.end(batch.number));
    batch.inputs = inputs(batch.indices);
    return batch;
  }

 protected:
  const View& view() const { return view_; }
  virtual nn::Flow inputs(const std::vector<int64_t>& positions) = 0;

 private:
  View view_;
  BatchOrder batches_;
  int64_t next_;
};

/// Texts that were tokenized before.
class TextBatches final : public OrderedTexts {
 public:
  TextBatches(View view, std::vector<int64_t> order, const LoaderOptions& options,
              std::shared_ptr<const TokenStore> store, Beside what, int64_t texts_a_sample)
      : OrderedTexts(std::move(view), std::move(order), options),
        store_(std::move(store)),
        what_(what),
        texts_a_sample_(texts_a_sample) {}

 private:
  nn::Flow inputs(const std::vector<int64_t>& positions) override {
    std::vector<int64_t> texts;
    int64_t rows = 0;
    for (const int64_t position : positions) {
      for (int64_t k = 0; k < texts_a_sample_; ++k) {
        texts.push_back(texts_a_sample_ * view().index(position) + k);
        rows += store_->size(texts.back());
      }
    }
    Room room(rows, static_cast<int64_t>(texts.size()), what_);
    int64_t place = 0;
    for (const int64_t text : texts)
      room.add(place++, store_->ids(text), store_->marks(text), store_->words(text),
               store_->size(text));
    return room.flow();
  }

  std::shared_ptr<const TokenStore> store_;
  Beside what_;
  int64_t texts_a_sample_;
};

/// What the model reads of a sample, `count` texts of it one by one.
std::vector<Text> texts_of(Text text, int64_t count) {
  if (count == 1) return {std::move(text)};
  std::vector<Text> texts = {{std::move(text.first)}, {std::move(text.second).value_or("")}};
  for (auto& negative : text.negatives) texts.push_back({std::move(negative)});
  GRAFT_ASSERT(count <= static_cast<int64_t>(texts.size()));
  texts.resize(static_cast<size_t>(count));
  return texts;
}

/// Texts that differ from pass to pass: tokenized when their batch is due.
class AugmentedTexts final : public OrderedTexts {
 public:
  AugmentedTexts(View view, std::vector<int64_t> order, const LoaderOptions& options,
                 const Pass& pass, texts::Preprocess preprocess, texts::Augmentation augmentation,
                 std::shared_ptr<ThreadPool> pool, int64_t texts_a_sample)
      : OrderedTexts(std::move(view), std::move(order), options),
        pass_(pass),
        preprocess_(std::move(preprocess)),
        augmentation_(std::move(augmentation)),
        pool_(std::move(pool)),
        texts_a_sample_(texts_a_sample) {}

 private:
  nn::Flow inputs(const std::vector<int64_t>& positions) override {
    const auto count = static_cast<size_t>(texts_a_sample_);
    std::vector<texts::Tokens> tokens(count * positions.size());
    for_each(pool_.get(), static_cast<int64_t>(positions.size()), [&](int64_t i) {
      const int64_t position = positions[static_cast<size_t>(i)];
      Rng rng{pass_.seed, pass_.epoch, static_cast<uint64_t>(view().index(position))};
      size_t at = count * static_cast<size_t>(i);
      for (Text& text : texts_of(view().text(position), texts_a_sample_)) {
        tokens[at++] =
            augmentation_.apply(preprocess_, std::move(text.first), std::move(text.second), rng);
      }
    });
    return to_flow(tokens);
  }

  Pass pass_;
  texts::Preprocess preprocess_;
  texts::Augmentation augmentation_;
  std::shared_ptr<ThreadPool> pool_;
  int64_t texts_a_sample_;
};

int64_t learned_in(const uint8_t* marks, int64_t size) {
  // The first is predicted by nothing.
  return size < 2 ? 0 : std::count_if(marks + 1, marks + size, [](uint8_t m) { return m != 0; });
}

}  // namespace

void TokenStore::add(int64_t i, const texts::Tokens& tokens) {
  begins_[static_cast<size_t>(i)] = static_cast<int64_t>(ids_.size());
  sizes_[static_cast<size_t>(i)] = static_cast<int32_t>(tokens.ids.size());
  ids_.insert(ids_.end(), tokens.ids.begin(), tokens.ids.end());
  const auto& marks = tokens.learned.empty() ? tokens.types : tokens.learned;
  marks_.insert(marks_.end(), marks.begin(), marks.end());
  marks_.resize(ids_.size(), 0);
  words_.insert(words_.end(), tokens.words.begin(), tokens.words.end());
}

TextInputs::TextInputs(texts::Preprocess preprocess, const View& usual, int64_t texts_a_sample)
    : preprocess_(std::move(preprocess)), texts_a_sample_(texts_a_sample) {
  measure(usual);
}

TextInputs::TextInputs(std::shared_ptr<const texts::RecordEncoder> records, bool preferences)
    : preprocess_(records->preprocess()),
      records_(std::move(records)),
      texts_a_sample_(preferences ? 2 : 1) {}

TextInputs::TextInputs(std::shared_ptr<const texts::WordEncoder> words, const View& usual)
    : preprocess_(words->preprocess()), words_(std::move(words)) {
  measure(usual);
}

void TextInputs::measure(const View& usual) {
  const int64_t n = std::min(kMeasured, usual.size());
  int64_t all = 0;
  int64_t learned = 0;
  for (int64_t i = 0; i < n; ++i) {
    std::string refused;
    const Texts texts = try_to_tokenize(usual, i * usual.size() / n, refused);
    if (!refused.empty()) continue;
    int64_t sum = 0;
    bool cut = false;
    for (const texts::Tokens& tokens : texts) {
      const auto size = static_cast<int64_t>(tokens.ids.size());
      sum += size;
      cut = cut || tokens.cut;
      if (!tokens.learned.empty()) learned += learned_in(tokens.learned.data(), size);
      learned += std::count_if(tokens.words.begin(), tokens.words.end(),
                               [](int32_t word) { return word >= 0; });
    }
    usual_lengths_.push_back(sum);
    if (records_) usual_records_.insert(usual_records_.end(), texts.begin(), texts.end());
    usual_cut_ += cut ? 1 : 0;
    all += sum;
  }
  if (all > 0) usual_learned_ = static_cast<double>(learned) / static_cast<double>(all);
  if (usual_lengths_.empty())
    usual_lengths_.push_back(std::min<int64_t>(32, preprocess_.max_length));
  std::sort(usual_lengths_.begin(), usual_lengths_.end());
}

TextInputs::Texts TextInputs::tokenize(const View& view, int64_t position) const {
  Text text = view.text(position);
  Texts texts;
  try {
    if (records_ && texts_a_sample_ == 2) {
      for (texts::Tokens& tokens : records_->pair(text.first)) texts.push_back(std::move(tokens));
    } else if (records_) {
      texts.push_back(records_->apply(text.first));
    } else if (words_) {
      texts.push_back(words_->apply(text.first, text.words));
    } else {
      for (const Text& one : texts_of(std::move(text), texts_a_sample_))
        texts.push_back(preprocess_.apply(one.first, one.second));
    }
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", view.sample(position).id, error.what()));
  }
  for (const texts::Tokens& tokens : texts) {
    if (!tokens.ids.empty()) continue;
    fail_unreadable("{}: the text is empty and the tokenizer puts nothing around it; remove it",
                    view.sample(position).id);
  }
  return texts;
}

/// A record that is wrong in itself is left out with the reason; a text is never wrong.
TextInputs::Texts TextInputs::try_to_tokenize(const View& view, int64_t position,
                                              std::string& refused) const {
  if (!records_) return tokenize(view, position);
  try {
    return tokenize(view, position);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unreadable) throw;
    refused = error.what();
    return Texts(static_cast<size_t>(texts_a_sample_));
  }
}

/// Whether there is something to learn in each text of a sample.
bool TextInputs::learns(const TokenStore& store, int64_t sample) const {
  for (int64_t k = 0; k < texts_a_sample_; ++k) {
    const int64_t text = texts_a_sample_ * sample + k;
    if (learned_in(store.marks(text), store.size(text)) == 0) return false;
  }
  return true;
}

void TextInputs::settle_samples(Dataset& data) {
  if (!records_) return;
  ThreadPool pool(usable_cores());
  split_long_texts(data, *records_, pool);
  for (View* view : {&data.train, &data.validation, &data.test}) {
    if (view->empty()) continue;
    refused_ = 0;
    const auto store = tokens_of(*view, &pool);
    if (static_cast<double>(refused_) > kMostRefused * static_cast<double>(view->size())) {
      fail_unreadable("{} of {} records cannot be used; the first: {}", refused_, view->size(),
                      first_refused_);
    }
    if (refused_ > 0) {
      data.notes.push_back(
          fmt::format("{} of {} records cannot be used and are left out; the first: {}", refused_,
                      view->size(), first_refused_));
    }
    const auto had = static_cast<int64_t>(view->indices.size()) - refused_;
    const size_t before = view->indices.size();
    std::string first;
    std::vector<int64_t> kept;
    for (const int64_t i : view->indices) {
      if (learns(*store, i))
        kept.push_back(i);
      else if (first.empty() && store->size(texts_a_sample_ * i) > 0)
        first = view->source->sample(i).id;
    }
    view->indices = std::move(kept);
    if (static_cast<int64_t>(view->indices.size()) == had) continue;
    if (view == &data.train && view->empty()) {
      fail_unreadable(
          "data: none of the {} records to train on has a token to learn within {} tokens{} (the "
          "first is {}); look at them with `graft check`, give a larger train.max_length, or see "
          "chat.roles_to_train",
          before, preprocess_.max_length, texts_a_sample_ == 2 ? " in both answers" : "", first);
    }
    data.notes.push_back(fmt::format(
        "{} of {} records have no token to learn within {} tokens{} and are left out (the first is "
        "{})",
        had - static_cast<int64_t>(view->indices.size()), before, preprocess_.max_length,
        texts_a_sample_ == 2 ? " in one of the answers" : "", first));
  }
  measure(data.train);
}

std::string TextInputs::note() const {
  if (usual_cut_ == 0) return "";
  const auto looked = static_cast<int64_t>(usual_lengths_.size());
  return fmt::format(
      "texts: {} of {} that were looked at have more than {} tokens and are cut there "
      "(train.max_length, and what the model takes)",
      usual_cut_, looked, preprocess_.max_length);
}

std::shared_ptr<const TokenStore> TextInputs::tokens_of(const View& view, ThreadPool* pool) {
  auto& store = stores_[view.source.get()];
  if (!store) store = std::make_shared<TokenStore>(texts_a_sample_ * view.source->size());
  std::vector<int64_t> missing;
  for (int64_t i = 0; i < view.size(); ++i) {
    if (!store->has(texts_a_sample_ * view.index(i))) missing.push_back(i);
  }
  if (missing.empty()) return store;
  // Some at a time, so that a large set is not in memory twice.
  constexpr size_t kAtATime = 4096;
  for (size_t begin = 0; begin < missing.size(); begin += kAtATime) {
    const size_t end = std::min(missing.size(), begin + kAtATime);
    std::vector<Texts> done(end - begin);
    std::vector<std::string> refused(end - begin);
    for_each(pool, static_cast<int64_t>(done.size()), [&](int64_t i) {
      const auto at = static_cast<size_t>(i);
      done[at] = try_to_tokenize(view, missing[begin + at], refused[at]);
    });
    for (size_t i = begin; i < end; ++i) {
      if (!refused[i - begin].empty() && refused_++ == 0) first_refused_ = refused[i - begin];
      int64_t text = texts_a_sample_ * view.index(missing[i]);
      for (const texts::Tokens& tokens : done[i - begin]) {
        cut_ += tokens.cut ? 1 : 0;
        store->add(text++, tokens);
      }
    }
  }
  return store;
}

std::vector<int64_t> TextInputs::lengths(const View& view) {
  ThreadPool pool(usable_cores());
  const auto store = tokens_of(view, &pool);
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < view.size(); ++i) {
    int64_t sum = 0;
    for (int64_t k = 0; k < texts_a_sample_; ++k)
      sum += store->size(texts_a_sample_ * view.index(i) + k);
    lengths.push_back(sum);
  }
  return lengths;
}

std::unique_ptr<Batches> TextInputs::batches(const View& view, std::vector<int64_t> order,
                                             const Pass& pass, LoaderOptions options,
                                             std::shared_ptr<ThreadPool> pool) {
  if (pass.augment && random()) {
    return std::make_unique<AugmentedTexts>(view, std::move(order), options, pass, preprocess_,
                                            augmentation_, std::move(pool), texts_a_sample_);
  }
  const Beside what = records_ ? Beside::records : words_ ? Beside::words : Beside::types;
  return std::make_unique<TextBatches>(view, std::move(order), options, tokens_of(view, pool.get()),
                                       what, texts_a_sample_);
}

void TextInputs::set_augmentation(const Json& augment) {
  texts::Augmentation augmentation(augment);
  augmentation.check(*preprocess_.tokenizer);
  if (records_ && augmentation.random()) {
    fail_usage(
        "augment: {} changes texts that are classified; what a language model learns to say stays "
        "as it is, give augment=none",
        augment.dump());
  }
  if (words_ && augmentation.random()) {
    fail_usage(
        "augment: {} changes texts that are classified as a whole; here each word has its class, "
        "give augment=none",
        augment.dump());
  }
  augmentation_ = std::move(augmentation);
}

nn::Flow TextInputs::example(int64_t samples) const {
  // Evenly out of the measured lengths: a batch as it will usually be.
  std::vector<int64_t> lengths;
  const auto n = static_cast<int64_t>(usual_lengths_.size());
  if (samples == 1) {
    int64_t sum = 0;
    for (const int64_t length : usual_lengths_) sum += length;
    lengths.push_back((sum + n - 1) / n);
  } else {
    for (int64_t i = 0; i < samples; ++i)
      lengths.push_back(usual_lengths_[static_cast<size_t>((2 * i + 1) * n / (2 * samples))]);
  }
  if (texts_a_sample_ > 1) {  // texts of a sample are about equally long
    std::vector<int64_t> parts;
    for (const int64_t length : lengths) {
      for (int64_t k = 0; k < texts_a_sample_; ++k)
        parts.push_back(std::max<int64_t>(1, (length + k) / texts_a_sample_));
    }
    lengths = std::move(parts);
  }
  const at::Tensor sizes = at::tensor(lengths, at::kLong);
  const int64_t rows = sizes.sum().item<int64_t>();
  // Any ids do: what a token costs does not depend on which it is.
  const auto vocabulary = static_cast<int64_t>(preprocess_.tokenizer->size());
  nn::Flow flow("ids", at::arange(rows).remainder_(std::max<int64_t>(1, vocabulary)));
  flow["lengths"] = sizes;
  if (!records_ && !words_) return flow;
  // Answers stand at the end; where words are learned it does not matter.
  at::Tensor targets = at::full({rows}, -1, at::kLong);
  int64_t end = 0;
  for (const int64_t length : lengths) {
    end += length;
    const auto learned =
        static_cast<int64_t>(std::ceil(usual_learned_ * static_cast<double>(length)));
    targets.narrow(0, end - learned, learned).zero_();
  }
  flow["targets"] = std::move(targets);
  return flow;
}

double TextInputs::computed_share(int64_t samples) const {
  const auto n = static_cast<std::ptrdiff_t>(usual_records_.size());
  const std::ptrdiff_t group = std::min<std::ptrdiff_t>(n, samples * texts_a_sample_);
  int64_t all = 0;
  int64_t computed = 0;
  for (std::ptrdiff_t begin = 0; group > 0 && begin + group <= n; begin += group) {
    const auto first = usual_records_.begin() + begin;
    const nn::Flow flow = to_flow({first, first + group});
    all += flow.at("ids").size(0);
    computed += share_prefixes(flow).at("ids").size(0);
  }
  return all > 0 ? static_cast<double>(computed) / static_cast<double>(all) : 1;
}

ReadCost TextInputs::try_reading(const View& view, int64_t samples,
                                 const std::function<bool()>& stop) const {
  ReadCost cost;
  const int64_t n = std::min(samples, view.size());
  std::vector<double> seconds;
  for (int64_t i = 0; i < n && (seconds.empty() || !stop()); ++i) {
    const Stopwatch watch;
    const Texts texts = tokenize(view, i * view.size() / n);
    seconds.push_back(watch.seconds());
    for (const texts::Tokens& tokens : texts) {
      cost.kept_bytes += static_cast<double>(tokens.ids.size() * (sizeof(int32_t) + 1) +
                                             tokens.words.size() * sizeof(int32_t));
    }
  }
  if (seconds.empty()) return cost;
  std::sort(seconds.begin(), seconds.end());
  cost.first_s = seconds[seconds.size() / 2];
  cost.kept_bytes /= static_cast<double>(seconds.size());
  return cost;
}

nn::Flow to_flow(const std::vector<texts::Tokens>& batch) {
  int64_t rows = 0;
  for (const auto& tokens : batch) rows += static_cast<int64_t>(tokens.ids.size());
  const Beside what = beside_of(batch);
  Room room(rows, static_cast<int64_t>(batch.size()), what);
  int64_t sample = 0;
  for (const auto& tokens : batch) {
    const auto& marks = what == Beside::records ? tokens.learned : tokens.types;
    room.add(sample++, tokens.ids.data(), marks.data(), tokens.words.data(),
             static_cast<int64_t>(tokens.ids.size()));
  }
  return room.flow();
}

}  // namespace graft::data
