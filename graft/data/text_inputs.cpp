#include "graft/data/text_inputs.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "graft/base/clock.h"
#include "graft/base/error.h"

namespace graft::data {
namespace {

constexpr int64_t kMeasured = 256;  // samples whose lengths stand for all

/// "ids", "types" and "lengths" with room for `rows` tokens of `samples` texts.
struct Room {
  at::Tensor ids, types, lengths;
  int64_t used = 0;
  bool pairs = false;

  Room(int64_t rows, int64_t samples)
      : ids(at::empty({rows}, at::kLong)),
        types(at::empty({rows}, at::kLong)),
        lengths(at::empty({samples}, at::kLong)) {}

  void add(int64_t sample, const int32_t* from, const uint8_t* kinds, int64_t size) {
    lengths.data_ptr<int64_t>()[sample] = size;
    std::copy_n(from, size, ids.data_ptr<int64_t>() + used);
    std::copy_n(kinds, size, types.data_ptr<int64_t>() + used);
    pairs = pairs || std::any_of(kinds, kinds + size, [](uint8_t kind) { return kind != 0; });
    used += size;
  }
  nn::Flow flow() {
    nn::Flow result("ids", std::move(ids));
    result["lengths"] = std::move(lengths);
    if (pairs) result["types"] = std::move(types);
    return result;
  }
};

class TextBatches final : public Batches {
 public:
  TextBatches(View view, std::vector<int64_t> order, LoaderOptions options,
              std::shared_ptr<const TokenStore> store)
      : view_(std::move(view)),
        order_(std::move(order)),
        options_(std::move(options)),
        store_(std::move(store)),
        next_(options_.first_batch) {}

  std::optional<Batch> next() override {
    const auto all = static_cast<int64_t>(order_.size());
    const int64_t first = next_ * options_.batch_size;
    if (first >= all) return std::nullopt;
    const int64_t last = std::min(first + options_.batch_size, all);
    Batch batch;
    batch.number = next_++;
    batch.indices.assign(order_.begin() + first, order_.begin() + last);
    int64_t rows = 0;
    for (const int64_t position : batch.indices) rows += store_->size(view_.index(position));
    Room room(rows, batch.size());
    for (int64_t i = 0; i < batch.size(); ++i) {
      const int64_t sample = view_.index(batch.indices[static_cast<size_t>(i)]);
      room.add(i, store_->ids(sample), store_->types(sample), store_->size(sample));
    }
    batch.inputs = room.flow();
    return batch;
  }

 private:
  View view_;
  std::vector<int64_t> order_;
  LoaderOptions options_;
  std::shared_ptr<const TokenStore> store_;
  int64_t next_;
};

texts::Tokens tokenize(const texts::Preprocess& preprocess, const View& view, int64_t position) {
  const Text text = view.text(position);
  texts::Tokens tokens = preprocess.apply(text.first, text.second);
  if (tokens.ids.empty()) {
    fail_unreadable("{}: the text is empty and the tokenizer puts nothing around it; remove it",
                    view.sample(position).id);
  }
  return tokens;
}

}  // namespace

void TokenStore::add(int64_t i, const texts::Tokens& tokens) {
  begins_[static_cast<size_t>(i)] = static_cast<int64_t>(ids_.size());
  sizes_[static_cast<size_t>(i)] = static_cast<int32_t>(tokens.ids.size());
  ids_.insert(ids_.end(), tokens.ids.begin(), tokens.ids.end());
  types_.insert(types_.end(), tokens.types.begin(), tokens.types.end());
}

TextInputs::TextInputs(texts::Preprocess preprocess, const View& usual)
    : preprocess_(std::move(preprocess)) {
  const int64_t n = std::min(kMeasured, usual.size());
  for (int64_t i = 0; i < n; ++i) {
    const texts::Tokens tokens = tokenize(preprocess_, usual, i * usual.size() / n);
    usual_lengths_.push_back(static_cast<int64_t>(tokens.ids.size()));
    usual_cut_ += tokens.cut ? 1 : 0;
  }
  if (usual_lengths_.empty())
    usual_lengths_.push_back(std::min<int64_t>(32, preprocess_.max_length));
  std::sort(usual_lengths_.begin(), usual_lengths_.end());
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
  if (!store) store = std::make_shared<TokenStore>(view.source->size());
  std::vector<int64_t> missing;
  for (int64_t i = 0; i < view.size(); ++i) {
    if (!store->has(view.index(i))) missing.push_back(i);
  }
  if (missing.empty()) return store;
  // Some at a time, so that a large set is not in memory twice.
  constexpr size_t kAtATime = 4096;
  for (size_t begin = 0; begin < missing.size(); begin += kAtATime) {
    const size_t end = std::min(missing.size(), begin + kAtATime);
    std::vector<texts::Tokens> done(end - begin);
    const auto work = [&](int64_t i) {
      const auto at = static_cast<size_t>(i);
      done[at] = tokenize(preprocess_, view, missing[begin + at]);
    };
    const auto n = static_cast<int64_t>(done.size());
    if (pool)
      pool->for_each(n, work);
    else
      for (int64_t i = 0; i < n; ++i) work(i);
    for (size_t i = begin; i < end; ++i) {
      cut_ += done[i - begin].cut ? 1 : 0;
      store->add(view.index(missing[i]), done[i - begin]);
    }
  }
  return store;
}

std::unique_ptr<Batches> TextInputs::batches(const View& view, std::vector<int64_t> order,
                                             const Pass& /*pass*/, LoaderOptions options,
                                             std::shared_ptr<ThreadPool> pool) {
  return std::make_unique<TextBatches>(view, std::move(order), std::move(options),
                                       tokens_of(view, pool.get()));
}

void TextInputs::set_augmentation(const Json& augment) {
  if (augment == "none" || augment.is_null()) return;
  fail_usage("augment: {} is for pictures; give augment=none for texts", augment.dump());
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
  const at::Tensor sizes = at::tensor(lengths, at::kLong);
  const int64_t rows = sizes.sum().item<int64_t>();
  // Any ids do: what a token costs does not depend on which it is.
  const auto vocabulary = static_cast<int64_t>(preprocess_.tokenizer->size());
  nn::Flow flow("ids", at::arange(rows).remainder_(std::max<int64_t>(1, vocabulary)));
  flow["lengths"] = sizes;
  return flow;
}

ReadCost TextInputs::try_reading(const View& view, int64_t samples,
                                 const std::function<bool()>& stop) const {
  ReadCost cost;
  const int64_t n = std::min(samples, view.size());
  std::vector<double> seconds;
  for (int64_t i = 0; i < n && (seconds.empty() || !stop()); ++i) {
    const Stopwatch watch;
    const texts::Tokens tokens = tokenize(preprocess_, view, i * view.size() / n);
    seconds.push_back(watch.seconds());
    cost.kept_bytes += static_cast<double>(tokens.ids.size() * (sizeof(int32_t) + 1));
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
  Room room(rows, static_cast<int64_t>(batch.size()));
  int64_t sample = 0;
  for (const auto& tokens : batch)
    room.add(sample++, tokens.ids.data(), tokens.types.data(),
             static_cast<int64_t>(tokens.ids.size()));
  return room.flow();
}

}  // namespace graft::data
