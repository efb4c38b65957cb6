#include "graft/train/batches.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/data/mix.h"
#include "graft/data/sampling.h"

namespace graft::train {
namespace {

constexpr int64_t kCachedEvaluationBatch = 512;

/// What the chain made of some samples, a row each.
at::Tensor rows_of(const nn::Flow& flow, const data::Dataset& data) {
  const at::Tensor rows = flow.tensors().front().second.to(at::kFloat);
  return data.preference() ? rows.reshape({rows.size(0) / 2, -1}).clone() : rows.clone();
}

}  // namespace

Reader::Reader(Job& job, Warn warn) : job_(job), warn_(std::move(warn)), pace_(job.forward_s) {
  views_ = job.config.values["train"]["views"].get<int64_t>();
  const Json& limit = job.config.values["train"]["image_cache"];
  int64_t automatic = std::min<int64_t>(usable_memory_bytes() / 8, int64_t{1} << 30);
  if (job.config.budget.memory) automatic = std::min(automatic, *job.config.budget.memory / 8);
  const int64_t bytes = limit == "auto"   ? automatic
                        : limit == "none" ? 0
                                          : parse_bytes(limit, "train.image_cache");
  job.inputs->keep(job.data, bytes);
  pool_ = std::make_shared<ThreadPool>(job.config.values["train"]["workers"].get<int>());
}

int64_t Reader::stream_epoch(int64_t epoch) const {
  return views_ > 0 ? epoch % views_ : epoch;
}

int64_t Reader::cache_row(int64_t position, int64_t epoch) const {
  const int64_t first = rows_[static_cast<size_t>(position)];
  GRAFT_ASSERT(first >= 0);
  return first + epoch % cached_views_;
}

std::vector<int64_t> Reader::epoch_order(int64_t epoch) const {
  const Json& sampling = job_.config.values["sampling"];
  data::SamplingOptions options;
  options.rate = sampling["rate"].get<double>();
  options.policy = sampling["policy"].get<std::string>();
  options.balanced = sampling["balanced"].get<bool>();
  return data::epoch_order(job_.data.train.strata(job_.model().classes().size()), options,
                           job_.config.seed(), epoch);
}

std::unique_ptr<data::Batches> Reader::batches(const data::View& view, std::vector<int64_t> order,
                                               bool augment, int64_t epoch, int64_t batch,
                                               int64_t first_batch) const {
  data::LoaderOptions options;
  options.batch_size = batch;
  options.first_batch = first_batch;
  options.classes =
      job_.data.multi_label() ? static_cast<int64_t>(job_.model().classes().size()) : 0;
  options.on_bad = [this](const data::BadSample& bad) {
    bad_.insert(bad.id);
    warn_(fmt::format("skipped: {}", bad.reason));
  };
  const data::Pass pass{augment, job_.config.seed(), static_cast<uint64_t>(stream_epoch(epoch))};
  return job_.inputs->batches(view, std::move(order), pass, std::move(options), pool_);
}

at::Tensor Reader::targets(const data::View& view, const std::vector<int64_t>& positions) const {
  if (job_.data.preference()) return reference_of(job_, view, positions);
  if (job_.data.language()) return {};  // they come with the tokens
  const auto n = static_cast<int64_t>(positions.size());
  if (job_.data.multi_label()) {
    at::Tensor hot = at::zeros({n, static_cast<int64_t>(job_.model().classes().size())});
    auto rows = hot.accessor<float, 2>();
    for (int64_t i = 0; i < n; ++i) {
      for (const int label : view.sample(positions[static_cast<size_t>(i)]).labels)
        rows[i][label] = 1;
    }
    return hot.to(job_.model().device());
  }
  if (job_.data.regression()) {
    at::Tensor values = at::empty({n, 1});
    auto* out = values.data_ptr<float>();
    for (int64_t i = 0; i < n; ++i) out[i] = view.sample(positions[static_cast<size_t>(i)]).value;
    return values.to(job_.model().device());
  }
  at::Tensor labels = at::empty({n}, at::kLong);
  auto* out = labels.data_ptr<int64_t>();
  for (int64_t i = 0; i < n; ++i) out[i] = view.label(positions[static_cast<size_t>(i)]);
  return labels.to(job_.model().device());
}

std::vector<int64_t> Reader::spread(const data::View& view) const {
  return data::spread_order(view.strata(job_.model().classes().size()));
}

int64_t Reader::batch_size(const Deadline& deadline) const {
  const double large = static_cast<double>(kBatch) * pace_.sample_s();
  return deadline.limited() && large > kLargeBatchShare * deadline.left_in_all() ? kSmallBatch
                                                                                 : kBatch;
}

double Reader::seconds_for(const data::View& view, double sample_s) const {
  if (view.empty()) return 0;
  if (&view == &job_.data.validation && validation_cache_ && validation_cache_->valid())
    return cached_validation_s_;
  return static_cast<double>(view.size()) * std::max(pace_.sample_s(), sample_s);
}

at::Tensor Reader::forward_cached(const FeatureCache& cache, const std::vector<int64_t>& rows,
                                  int to_block, const Deadline& deadline) {
  nn::Context context;
  std::vector<at::Tensor> parts;
  for (size_t begin = 0; begin < rows.size(); begin += kCachedEvaluationBatch) {
    if (begin > 0 && !deadline.fits(0)) break;
    const size_t end = std::min(rows.size(), begin + kCachedEvaluationBatch);
    const nn::Flow flow =
        job_.model().forward(cache.gather({rows.begin() + static_cast<std::ptrdiff_t>(begin),
                                           rows.begin() + static_cast<std::ptrdiff_t>(end)}),
                             context, cache.border(), to_block);
    parts.push_back(rows_of(flow, job_.data));
    evaluation_flops_ +=
        static_cast<double>(end - begin) * job_.profile.forward(cache.border(), to_block);
  }
  return parts.empty() ? at::empty({0, 0}) : at::cat(parts, 0);
}

at::Tensor Reader::forward_some(const data::View& view, const std::vector<int64_t>& wanted,
                                int to_block, const Deadline& deadline,
                                std::vector<int64_t>& positions, bool first) {
  const at::NoGradGuard no_grad;
  models::Model& model = job_.model();
  const FeatureCache* cache = nullptr;
  const bool is_train = &view == &job_.data.train;
  if (&view == &job_.data.validation) cache = validation_cache_.get();
  if (is_train && !job_.inputs->random()) cache = train_cache_.get();
  if (cache && (!cache->valid() || cache->border() > to_block)) cache = nullptr;
  positions.clear();
  at::Tensor values;
  if (cache) {
    const std::vector<int64_t>& places = is_train ? rows_ : validation_rows_;
    std::vector<int64_t> rows;
    for (const int64_t position : wanted) {
      const int64_t row = places[static_cast<size_t>(position)];
      if (row < 0) continue;
      positions.push_back(position);
      rows.push_back(row);
    }
    values = forward_cached(*cache, rows, to_block, deadline);
    positions.resize(static_cast<size_t>(values.size(0)));
  } else {
    nn::Context context;
    const double share = job_.share_of_forward(to_block);
    const int64_t size = batch_size(deadline);
    const auto passed = batches(view, wanted, false, 0, size, 0);
    std::vector<at::Tensor> parts;
    while (true) {
      const bool bold = first && parts.empty();
      if (!deadline.fits(bold ? static_cast<double>(size) * pace_.sample_s()
                              : pace_.next_batch_s(share))) {
        training_cut_ = training_cut_ || is_train;
        break;
      }
      const Stopwatch watch;
      const auto batch = passed->next();
      if (!batch) break;
      if (batch->indices.empty()) continue;
      const nn::Flow flow = model.forward(batch->inputs.to(model.device()), context, 0, to_block);
      parts.push_back(rows_of(flow, job_.data));
      positions.insert(positions.end(), batch->indices.begin(), batch->indices.end());
      pace_.record(batch->size(), watch.seconds(), share);
    }
    evaluation_flops_ += static_cast<double>(positions.size()) * job_.profile.forward(0, to_block);
    values = parts.empty() ? at::empty({0, 0}) : at::cat(parts, 0);
  }
  // Taken in an order that may be cut anywhere, given back in the order of the view.
  std::vector<int64_t> sorted(positions.size());
  std::iota(sorted.begin(), sorted.end(), int64_t{0});
  std::sort(sorted.begin(), sorted.end(), [&](int64_t a, int64_t b) {
    return positions[static_cast<size_t>(a)] < positions[static_cast<size_t>(b)];
  });
  if (std::is_sorted(sorted.begin(), sorted.end())) return values;
  std::sort(positions.begin(), positions.end());
  return values.index_select(0, at::tensor(sorted, at::kLong).to(values.device()));
}

eval::Predictions Reader::evaluate(const data::View& view, const Deadline& deadline, bool first) {
  const Stopwatch watch;
  std::vector<int64_t> positions;
  const at::Tensor logits =
      forward_some(view, spread(view), job_.model().size(), deadline, positions, first).cpu();
  if (&view == &job_.data.validation) cached_validation_s_ = watch.seconds();
  if (job_.data.preference()) return preference_predictions(job_, view, positions, logits);
  return make_predictions(job_.model().classes(), job_.data, view, positions, logits);
}

namespace {

/// Of numbers: what the model says stands for itself.
void add_values(eval::Predictions& p, const data::View& view, const std::vector<int64_t>& positions,
                const at::Tensor& logits) {
  const at::Tensor said = logits.contiguous();
  const float* s = said.data_ptr<float>();
  for (size_t i = 0; i < positions.size(); ++i) {
    const float value = view.sample(positions[i]).value;
    p.values.push_back(value);
    p.scores.push_back(s[i]);
    p.losses.push_back((s[i] - value) * (s[i] - value));
  }
}

/// Of texts that are continued: rows of "texts" (models/next_token.h).
void add_texts(eval::Predictions& p, const at::Tensor& rows) {
  const at::Tensor texts = rows.contiguous();
  const float* row = texts.data_ptr<float>();
  for (int64_t i = 0; i < texts.size(0); ++i, row += 3) {
    p.tokens.push_back(static_cast<int64_t>(row[1]));
    p.hits.push_back(static_cast<int64_t>(row[2]));
    p.losses.push_back(row[1] > 0 ? row[0] / row[1] : 0);
  }
}

}  // namespace

eval::Predictions make_predictions(const std::vector<std::string>& classes,
                                   const data::Dataset& data, const data::View& view,
                                   const std::vector<int64_t>& positions,
                                   const at::Tensor& logits) {
  const at::NoGradGuard no_grad;
  eval::Predictions p;
  p.classes = classes;
  p.target = data.target;
  if (positions.empty()) return p;
  const auto n = static_cast<int64_t>(positions.size());
  const auto width = static_cast<int64_t>(classes.size());
  at::Tensor hot = at::zeros({n, width});
  auto rows = hot.accessor<float, 2>();
  for (int64_t i = 0; i < n; ++i) {
    const data::Sample& sample = view.sample(positions[static_cast<size_t>(i)]);
    p.inputs.push_back(sample.id);
    p.labels.push_back(sample.labels);
    for (const int label : sample.labels) rows[i][label] = 1;
  }
  if (data.regression()) {
    add_values(p, view, positions, logits);
    return p;
  }
  if (data.language()) {
    add_texts(p, logits);
    return p;
  }
  const at::Tensor scores =
      (data.multi_label() ? logits.sigmoid() : at::softmax(logits, 1)).contiguous();
  const at::Tensor losses =
      data.multi_label()
          ? at::binary_cross_entropy_with_logits(logits, hot, {}, {}, at::Reduction::None).mean(1)
          : -(hot * at::log_softmax(logits, 1)).sum(1);
  const float* s = scores.data_ptr<float>();
  p.scores.assign(s, s + scores.numel());
  const float* l = losses.contiguous().data_ptr<float>();
  p.losses.assign(l, l + n);
  return p;
}

BatchStream::BatchStream(Job& job, Reader& reader, int64_t epoch, int64_t first_batch)
    : job_(job),
      reader_(reader),
      epoch_(epoch),
      batch_(first_batch),
      size_(job.config.values["train"]["batch"].get<int64_t>()),
      order_(reader.epoch_order(epoch)) {
  if (reader_.train_cache()) return;
  batches_ = reader.batches(job.data.train, order_, true, epoch, size_, first_batch);
}

std::optional<MicroBatch> BatchStream::next() {
  MicroBatch micro;
  if (!batches_) {
    const FeatureCache& cache = *reader_.train_cache();
    if (!cache.valid())
      fail(ErrorCode::internal, "internal error: the frozen prefix has changed under its cache");
    const auto begin = static_cast<size_t>(batch_ * size_);
    if (begin >= order_.size()) return std::nullopt;
    const size_t end = std::min(order_.size(), begin + static_cast<size_t>(size_));
    micro.number = batch_++;
    std::vector<int64_t> rows;
    for (size_t i = begin; i < end; ++i) {
      if (!reader_.has_row(order_[i])) continue;
      micro.positions.push_back(order_[i]);
      rows.push_back(reader_.cache_row(order_[i], epoch_));
    }
    if (!rows.empty()) micro.flow = cache.gather(rows);
    micro.from = cache.border();
    micro.targets = reader_.targets(job_.data.train, micro.positions);
    return micro;
  }
  auto batch = batches_->next();
  if (!batch) return std::nullopt;
  micro.number = batch->number;
  micro.positions = batch->indices;
  const Json& train = job_.config.values["train"];
  data::MixOptions mixing;
  mixing.mixup_alpha = train["mixup"].get<double>();
  mixing.cutmix_alpha = train["cutmix"].get<double>();
  const c10::Device device = job_.model().device();
  if (mixing.on() && micro.positions.size() > 1) {
    const data::Mixed mixed =
        data::mix(*batch, static_cast<int64_t>(job_.model().classes().size()), mixing,
                  Rng{job_.config.seed(), static_cast<uint64_t>(epoch_),
                      static_cast<uint64_t>(micro.number)});
    micro.flow = {"pixels", mixed.pixels.to(device)};
    micro.targets = mixed.targets.to(device);
  } else {
    micro.flow = batch->inputs.to(device);
    micro.targets = reader_.targets(job_.data.train, micro.positions);
  }
  return micro;
}

}  // namespace graft::train
