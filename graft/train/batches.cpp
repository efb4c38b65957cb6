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

// Fixed, so that what a cache holds depends on nothing but weights and pictures.
constexpr int64_t kFillBatch = 32;
constexpr int64_t kCachedEvaluationBatch = 512;

std::vector<int64_t> all_positions(const data::View& view) {
  std::vector<int64_t> positions(static_cast<size_t>(view.size()));
  std::iota(positions.begin(), positions.end(), int64_t{0});
  return positions;
}

int64_t limit_of(const Json& value, int64_t automatic) {
  if (value == "auto") return automatic;
  return value == "none" ? 0 : parse_bytes(value, "train.image_cache");
}

}  // namespace

Reader::Reader(Job& job, Warn warn) : job_(job), warn_(std::move(warn)) {
  views_ = job.config.values["train"]["views"].get<int64_t>();
  const Json& limit = job.config.values["train"]["image_cache"];
  int64_t automatic = std::min<int64_t>(usable_memory_bytes() / 8, int64_t{1} << 30);
  if (job.config.budget.memory) automatic = std::min(automatic, *job.config.budget.memory / 8);
  const int64_t bytes = limit_of(limit, automatic);
  // Each source gets a part that fits its share of the samples; the test split is read once only.
  const auto samples = static_cast<double>(job.data.train.size() + job.data.validation.size());
  for (const data::View* view : {&job.data.train, &job.data.validation}) {
    if (bytes <= 0 || view->empty() || images_.count(view->source.get())) continue;
    const bool shared = job.data.train.source == job.data.validation.source;
    const double share = shared ? 1 : static_cast<double>(view->size()) / samples;
    images_[view->source.get()] = std::make_shared<data::ImageCache>(
        view->source, static_cast<int64_t>(static_cast<double>(bytes) * share));
  }
  pool_ = std::make_shared<ThreadPool>(job.config.values["train"]["workers"].get<int>());
}

int64_t Reader::cache_limit() const {
  const Json& given = job_.config.values["train"]["cache_limit"];
  int64_t automatic = usable_memory_bytes() / 4;
  if (job_.config.budget.memory) {
    automatic = std::min(automatic,
                         std::max<int64_t>(0, (*job_.config.budget.memory - resident_bytes()) / 2));
  }
  return limit_of(given, automatic);
}

int64_t Reader::stream_epoch(int64_t epoch) const {
  return views_ > 0 ? epoch % views_ : epoch;
}

int64_t Reader::cache_row(int64_t position, int64_t epoch) const {
  const int64_t first = rows_[static_cast<size_t>(position)];
  GRAFT_ASSERT(first >= 0);
  return job_.augmentation.random() ? first + stream_epoch(epoch) : first;
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

std::unique_ptr<data::Loader> Reader::loader(const data::View& view, std::vector<int64_t> order,
                                             bool augment, int64_t epoch, int64_t batch,
                                             int64_t first_batch) const {
  data::Transform transform;
  transform.preprocess = job_.model().preprocess();
  if (augment) transform.augmentation = job_.augmentation;
  transform.seed = job_.config.seed();
  transform.epoch = static_cast<uint64_t>(stream_epoch(epoch));
  data::LoaderOptions options;
  options.batch_size = batch;
  options.first_batch = first_batch;
  options.classes = job_.data.multi_label ? static_cast<int64_t>(job_.model().classes().size()) : 0;
  options.on_bad = [this](const data::BadSample& bad) {
    bad_.insert(bad.id);
    warn_(fmt::format("skipped: {}", bad.reason));
  };
  const auto cache = images_.find(view.source.get());
  return std::make_unique<data::Loader>(view, std::move(order), std::move(transform),
                                        std::move(options), pool_,
                                        cache == images_.end() ? nullptr : cache->second);
}

at::Tensor Reader::targets(const data::View& view, const std::vector<int64_t>& positions) const {
  const auto n = static_cast<int64_t>(positions.size());
  if (job_.data.multi_label) {
    at::Tensor hot = at::zeros({n, static_cast<int64_t>(job_.model().classes().size())});
    auto rows = hot.accessor<float, 2>();
    for (int64_t i = 0; i < n; ++i) {
      for (const int label : view.sample(positions[static_cast<size_t>(i)]).labels)
        rows[i][label] = 1;
    }
    return hot.to(job_.model().device());
  }
  at::Tensor labels = at::empty({n}, at::kLong);
  auto* out = labels.data_ptr<int64_t>();
  for (int64_t i = 0; i < n; ++i) out[i] = view.label(positions[static_cast<size_t>(i)]);
  return labels.to(job_.model().device());
}

std::unique_ptr<FeatureCache> Reader::fill(const data::View& view,
                                           const std::vector<int64_t>& positions, int border,
                                           int64_t views, bool augment, const Deadline& deadline) {
  auto cache = std::make_unique<FeatureCache>(job_.model(), border);
  cache->seal();
  const at::NoGradGuard no_grad;
  nn::Context context;
  const auto n = static_cast<int64_t>(positions.size());
  bool ready = false;
  for (int64_t v = 0; v < views; ++v) {
    const auto batches = loader(view, positions, augment, v, kFillBatch, 0);
    int64_t at_row = 0;
    while (const auto batch = batches->next()) {
      if (!deadline.fits(0)) return nullptr;
      if (batch->indices.empty()) continue;
      const nn::Flow flow = job_.model().forward(
          {"pixels", batch->pixels.to(job_.model().device())}, context, 0, border);
      if (!ready) cache->reserve(n * views, flow);
      ready = true;
      // Samples come in the order of `positions`; one that cannot be read leaves no row.
      const nn::Flow rows = flow;
      for (size_t i = 0; i < batch->indices.size(); ++i) {
        while (positions[static_cast<size_t>(at_row)] != batch->indices[i]) {
          rows_bad_.insert(positions[static_cast<size_t>(at_row)]);
          ++at_row;
        }
        const auto row = static_cast<int64_t>(i);
        cache->store(at_row * views + v,
                     rows.map([row](const at::Tensor& t) { return t.narrow(0, row, 1); }));
        ++at_row;
      }
    }
  }
  return ready ? std::move(cache) : nullptr;
}

bool Reader::begin_border(int border, double passes, const Deadline& deadline,
                          int64_t& cached_samples) {
  train_cache_.reset();
  validation_cache_.reset();
  rows_.clear();
  rows_bad_.clear();
  const Json& values = job_.config.values;
  const std::string wanted = values["cache"].get<std::string>();
  const bool mixes =
      values["train"]["mixup"].get<double>() > 0 || values["train"]["cutmix"].get<double>() > 0;
  const bool fresh = job_.augmentation.random() && views_ == 0;
  if (border == 0 || wanted == "none") return false;
  if (fresh || mixes) {
    if (wanted == "memory") {
      fail_usage(
          "cache=memory needs the same pictures every epoch: give augment=none, or train.views=4 "
          "for fixed augmented "
          "views{}",
          mixes ? ", and no mixup or cutmix" : "");
    }
    return false;
  }
  const int64_t views = job_.augmentation.random() ? views_ : 1;
  if (wanted == "auto" && passes < 2.0 * static_cast<double>(views))
    return false;  // would compute as much, and store it

  std::vector<int64_t> needed = all_positions(job_.data.train);
  if (values["sampling"]["policy"] == "uniform" && !values["sampling"]["balanced"].get<bool>()) {
    needed = epoch_order(0);
    std::sort(needed.begin(), needed.end());
    needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
  }
  const int64_t row =
      FeatureCache::row_bytes(job_.model(), border, job_.input_height(), job_.input_width());
  const int64_t limit = cache_limit();
  const auto rows = static_cast<int64_t>(needed.size()) * views;
  if (row * rows > limit) {
    if (wanted == "memory") {
      fail(ErrorCode::no_plan,
           "cache=memory: the outputs of the frozen prefix need {} ({} samples x {} views), "
           "train.cache_limit "
           "allows {}; raise it, or give cache=auto",
           show_bytes(static_cast<double>(row * rows)), needed.size(), views,
           show_bytes(static_cast<double>(limit)));
    }
    return false;
  }
  train_cache_ = fill(job_.data.train, needed, border, views,
                      views_ > 0 && job_.augmentation.random(), deadline);
  if (!train_cache_) return false;
  cached_samples += rows;
  rows_.assign(static_cast<size_t>(job_.data.train.size()), -1);
  for (size_t i = 0; i < needed.size(); ++i) {
    if (!rows_bad_.count(needed[i]))
      rows_[static_cast<size_t>(needed[i])] = static_cast<int64_t>(i) * views;
  }
  const data::View& validation = job_.data.validation;
  if (!validation.empty() && row * (rows + validation.size()) <= limit) {
    rows_bad_.clear();
    validation_cache_ = fill(validation, all_positions(validation), border, 1, false, deadline);
    if (!rows_bad_.empty()) validation_cache_.reset();
    if (validation_cache_)
      evaluation_flops_ += static_cast<double>(validation.size()) * job_.profile.forward(0, border);
  }
  return true;
}

at::Tensor Reader::forward_all(const data::View& view, int to_block, const Deadline& deadline,
                               std::vector<int64_t>& positions) {
  const at::NoGradGuard no_grad;
  models::Model& model = job_.model();
  nn::Context context;
  const FeatureCache* cache = nullptr;
  const bool is_train = &view == &job_.data.train;
  if (&view == &job_.data.validation) cache = validation_cache_.get();
  if (is_train && !job_.augmentation.random()) cache = train_cache_.get();
  if (cache && (!cache->valid() || cache->border() > to_block)) cache = nullptr;
  std::vector<at::Tensor> parts;
  positions.clear();
  const auto keep = [&](const nn::Flow& flow) {
    parts.push_back(flow.tensors().front().second.to(at::kFloat).clone());
  };
  if (cache) {
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < view.size(); ++i) {
      const int64_t row = is_train ? rows_[static_cast<size_t>(i)] : i;
      if (row < 0) continue;
      positions.push_back(i);
      rows.push_back(row);
    }
    for (size_t begin = 0; begin < rows.size(); begin += kCachedEvaluationBatch) {
      const size_t end = std::min(rows.size(), begin + kCachedEvaluationBatch);
      keep(model.forward(cache->gather({rows.begin() + static_cast<std::ptrdiff_t>(begin),
                                        rows.begin() + static_cast<std::ptrdiff_t>(end)}),
                         context, cache->border(), to_block));
    }
    evaluation_flops_ +=
        static_cast<double>(rows.size()) * job_.profile.forward(cache->border(), to_block);
  } else {
    const auto batches = loader(view, all_positions(view), false, 0, kFillBatch, 0);
    double slowest = 0;
    while (true) {
      Stopwatch watch;
      if (!deadline.fits(1.5 * slowest)) break;
      const auto batch = batches->next();
      if (!batch) break;
      if (batch->indices.empty()) continue;
      keep(model.forward({"pixels", batch->pixels.to(model.device())}, context, 0, to_block));
      positions.insert(positions.end(), batch->indices.begin(), batch->indices.end());
      slowest = std::max(slowest, watch.seconds());
    }
    evaluation_flops_ += static_cast<double>(positions.size()) * job_.profile.forward(0, to_block);
  }
  return parts.empty() ? at::empty({0, 0}) : at::cat(parts, 0);
}

eval::Predictions Reader::evaluate(const data::View& view, const Deadline& deadline) {
  std::vector<int64_t> positions;
  const at::Tensor logits = forward_all(view, job_.model().size(), deadline, positions).cpu();
  return make_predictions(job_.model().classes(), job_.data.multi_label, view, positions, logits);
}

eval::Predictions make_predictions(const std::vector<std::string>& classes, bool multi_label,
                                   const data::View& view, const std::vector<int64_t>& positions,
                                   const at::Tensor& logits) {
  const at::NoGradGuard no_grad;
  eval::Predictions p;
  p.classes = classes;
  p.multi_label = multi_label;
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
  const at::Tensor scores = (multi_label ? logits.sigmoid() : at::softmax(logits, 1)).contiguous();
  const at::Tensor losses =
      multi_label
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
  loader_ = reader.loader(job.data.train, order_, true, epoch, size_, first_batch);
}

std::optional<MicroBatch> BatchStream::next() {
  MicroBatch micro;
  if (!loader_) {
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
  auto batch = loader_->next();
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
    micro.flow = {"pixels", batch->pixels.to(device)};
    micro.targets = reader_.targets(job_.data.train, micro.positions);
  }
  return micro;
}

}  // namespace graft::train
