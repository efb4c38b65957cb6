#include "graft/train/batches.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/data/mix.h"
#include "graft/data/sampling.h"
#include "graft/data/share_prefixes.h"
#include "graft/train/epoch.h"
#include "graft/train/rows.h"

namespace graft::train {
namespace {

constexpr int64_t kCachedEvaluationBatch = 512;
constexpr int64_t kPassTokens = 2048, kFewestSamples = 16, kMostSamples = 128;  // of a pass

int64_t tokens_in(const nn::Flow& flow) {
  return flow.has("lengths") ? flow.at("lengths").sum().item<int64_t>() : 0;
}

/// Takes out of a batch what its texts have in common; the number of tokens that this leaves out.
int64_t leave_out_shared(nn::Flow& inputs) {
  const int64_t tokens = tokens_in(inputs);
  inputs = data::share_prefixes(inputs);
  return tokens - tokens_in(inputs);
}

/// What blocks made of some samples, a row each.
at::Tensor rows_of(const nn::Flow& flow, int64_t parts) {
  const at::Tensor rows = flow.tensors().front().second.to(at::kFloat);
  return parts > 1 ? rows.reshape({rows.size(0) / parts, -1}).clone() : rows.clone();
}

}  // namespace

int64_t pass_batch(const Job& job) {
  const nn::Flow usual = job.inputs->example(1);
  // Where memory is limited, a pass holds no more than an update does.
  const Json& batch = job.config.values["train"]["batch"];
  if (job.config.budget.memory && batch.is_number_integer())
    return std::min(kFewestSamples, batch.get<int64_t>());
  if (!usual.has("lengths")) return kFewestSamples;
  const auto tokens = usual.at("lengths").sum().item<int64_t>();
  return std::clamp(kPassTokens / std::max<int64_t>(1, tokens), kFewestSamples, kMostSamples);
}

Reader::Reader(Job& job, Warn warn)
    : job_(job), warn_(std::move(warn)), pace_(job.forward_s), pass_batch_(pass_batch(job)) {
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

bool Reader::mixes_samples(int64_t epoch) const {
  if (!job_.inputs->mixes()) return false;
  const auto closed = job_.config.values["train"]["close_last"].get<double>();
  const int64_t steps = planned_steps(job_);
  if (closed <= 0 || steps <= 0) return true;
  const int64_t in_epoch = epoch_shape(job_).steps;
  const int64_t epochs = (steps + in_epoch - 1) / in_epoch;
  return static_cast<double>(epoch) < std::ceil(static_cast<double>(epochs) * (1 - closed) - 1e-9);
}

int64_t Reader::cache_row(int64_t position, int64_t epoch) const {
  const int64_t first = rows_[static_cast<size_t>(position)];
  GRAFT_ASSERT(first >= 0);
  return first + epoch % cached_views_;
}

std::unique_ptr<data::Batches> Reader::batches(const data::View& view, std::vector<int64_t> order,
                                               bool augment, int64_t epoch, int64_t batch) const {
  data::LoaderOptions options;
  options.batch_size = batch;
  return batches(view, std::move(order), augment, epoch, std::move(options));
}

std::unique_ptr<data::Batches> Reader::batches(const data::BatchOrder& order, int64_t epoch,
                                               int64_t first_batch) const {
  data::LoaderOptions options;
  options.batch_size = job_.config.values["train"]["batch"].get<int64_t>();
  options.ends = order.ends;
  options.first_batch = first_batch;
  return batches(job_.data.train, order.order, true, epoch, std::move(options));
}

std::unique_ptr<data::Batches> Reader::batches(const data::View& view, std::vector<int64_t> order,
                                               bool augment, int64_t epoch,
                                               data::LoaderOptions options) const {
  options.classes =
      job_.data.multi_label() ? static_cast<int64_t>(job_.model().classes().size()) : 0;
  options.on_bad = [this](const data::BadSample& bad) {
    bad_.insert(bad.id);
    warn_(fmt::format("skipped: {}", bad.reason));
  };
  const data::Pass pass{augment, job_.config.seed(), static_cast<uint64_t>(stream_epoch(epoch)),
                        augment && mixes_samples(epoch)};
  return job_.inputs->batches(view, std::move(order), pass, std::move(options), pool_);
}

std::vector<int64_t> Reader::spread(const data::View& view) const {
  return data::spread_order(view.strata(job_.model().classes().size()));
}

int64_t Reader::batch_size(const Deadline& deadline) const {
  const double large = static_cast<double>(pass_batch_) * pace_.sample_s();
  return deadline.limited() && large > kLargeBatchShare * deadline.left_in_all() ? kSmallBatch
                                                                                 : pass_batch_;
}

double Reader::seconds_for(const data::View& view, double sample_s) const {
  if (view.empty()) return 0;
  if (&view == &job_.data.validation && validation_cache_ && validation_cache_->valid())
    return cached_validation_s_;
  return static_cast<double>(view.size()) * std::max(pace_.sample_s(), sample_s);
}

void Reader::visit_cached(const FeatureCache& cache, const std::vector<int64_t>& rows,
                          const std::vector<int64_t>& positions, int to_block,
                          const Deadline& deadline, const Visitor& visitor) {
  nn::Context context;
  for (size_t begin = 0; begin < rows.size(); begin += kCachedEvaluationBatch) {
    if (begin > 0 && !deadline.fits(0)) break;
    const size_t end = std::min(rows.size(), begin + kCachedEvaluationBatch);
    const auto part = [&](const std::vector<int64_t>& all) {
      return std::vector<int64_t>(all.begin() + static_cast<std::ptrdiff_t>(begin),
                                  all.begin() + static_cast<std::ptrdiff_t>(end));
    };
    visitor(job_.model().forward(cache.gather(part(rows)), context, cache.border(), to_block),
            part(positions));
    evaluation_flops_ +=
        static_cast<double>(end - begin) * job_.profile.forward(cache.border(), to_block);
  }
}

void Reader::visit(const data::View& view, const std::vector<int64_t>& wanted, int to_block,
                   const Deadline& deadline, bool first, const Visitor& visitor) {
  const at::NoGradGuard no_grad;
  models::Model& model = job_.model();
  const FeatureCache* cache = nullptr;
  const bool is_train = &view == &job_.data.train;
  if (&view == &job_.data.validation) cache = validation_cache_.get();
  if (is_train && !job_.inputs->random()) cache = train_cache_.get();
  if (cache && (!cache->valid() || cache->border() > to_block)) cache = nullptr;
  if (cache) {
    const std::vector<int64_t>& places = is_train ? rows_ : validation_rows_;
    std::vector<int64_t> rows;
    std::vector<int64_t> positions;
    for (const int64_t position : wanted) {
      const int64_t row = places[static_cast<size_t>(position)];
      if (row < 0) continue;
      positions.push_back(position);
      rows.push_back(row);
    }
    visit_cached(*cache, rows, positions, to_block, deadline, visitor);
    return;
  }
  nn::Context context;
  const double share = job_.share_of_forward(to_block);
  const bool shares = to_block == model.size() && job_.shares_prefixes_measuring();
  const int64_t size = batch_size(deadline);
  const auto passed = batches(view, wanted, false, 0, size);
  bool bold = first;  // nothing came out yet
  while (true) {
    if (!deadline.fits(bold ? static_cast<double>(size) * pace_.sample_s()
                            : pace_.next_batch_s(share))) {
      training_cut_ = training_cut_ || is_train;
      break;
    }
    const Stopwatch watch;
    auto batch = passed->next();
    if (!batch) break;
    if (batch->indices.empty()) continue;
    const int64_t tokens = tokens_in(batch->inputs);
    const int64_t shared = shares ? leave_out_shared(batch->inputs) : 0;
    visitor(model.forward(batch->inputs.to(model.device()), context, 0, to_block), batch->indices);
    bold = false;
    // Whole numbers, which add up to the same where a run was interrupted.
    evaluation_flops_ += std::round(static_cast<double>(batch->size()) *
                                    job_.forward_flops(to_block, computed_share(tokens, shared)));
    pace_.record(batch->size(), watch.seconds(), share);
  }
}

at::Tensor Reader::forward_some(const data::View& view, const std::vector<int64_t>& wanted,
                                int to_block, const Deadline& deadline,
                                std::vector<int64_t>& positions, bool first) {
  const at::NoGradGuard no_grad;
  RowsInOrder rows;
  visit(view, wanted, to_block, deadline, first,
        [&](const nn::Flow& result, const std::vector<int64_t>& some) {
          rows.add(rows_of(result, job_.inputs->parts()), some);
        });
  at::Tensor values = rows.finish();
  positions = rows.positions();
  return values;
}

eval::Predictions Reader::evaluate(const data::View& view, const Deadline& deadline, bool first) {
  const Stopwatch watch;
  const auto evaluation = job_.objective().evaluation(job_, view);
  visit(view, spread(view), job_.model().size(), deadline, first,
        [&](const nn::Flow& result, const std::vector<int64_t>& positions) {
          evaluation->add(result, positions);
        });
  if (&view == &job_.data.validation) cached_validation_s_ = watch.seconds();
  const at::NoGradGuard no_grad;
  return evaluation->finish();
}

bool mixes_inputs(const Job& job) {
  const Json& train = job.config.values["train"];
  return job.data.train.source->content() != data::Content::texts &&
         (train["mixup"].get<double>() > 0 || train["cutmix"].get<double>() > 0);
}

nn::Flow pass(models::Model& model, MicroBatch& batch, int border, nn::Context& context) {
  nn::Flow flow = std::move(batch.flow);
  int at = batch.from;
  if (at < border) {
    const at::NoGradGuard no_grad;
    flow = model.forward(std::move(flow), context, at, border);
    at = border;
  }
  if (batch.share < 1) {
    flow = model.forward(std::move(flow), context, at, model.head());
    flow["features"] = data::mixed_rows(flow.at("features"), batch.share);
    at = model.head();
  }
  return model.forward(std::move(flow), context, at);
}

BatchStream::BatchStream(Job& job, Reader& reader, int64_t epoch, int64_t first_batch)
    : job_(job),
      reader_(reader),
      epoch_(epoch),
      batch_(first_batch),
      order_(epoch_batches(job, epoch)) {
  if (reader_.train_cache()) return;
  batches_ = reader.batches(order_, epoch, first_batch);
}

std::optional<MicroBatch> BatchStream::next() {
  MicroBatch micro;
  if (!batches_) {
    const FeatureCache& cache = *reader_.train_cache();
    if (!cache.valid())
      fail(ErrorCode::internal, "internal error: the frozen prefix has changed under its cache");
    if (batch_ >= order_.batches()) return std::nullopt;
    micro.number = batch_++;
    std::vector<int64_t> rows;
    for (int64_t i = order_.begin(micro.number); i < order_.end(micro.number); ++i) {
      const int64_t position = order_.order[static_cast<size_t>(i)];
      if (!reader_.has_row(position)) continue;
      micro.positions.push_back(position);
      rows.push_back(reader_.cache_row(position, epoch_));
    }
    if (!rows.empty()) micro.flow = cache.gather(rows);
    micro.tokens = tokens_in(micro.flow);
    micro.from = cache.border();
    micro.targets = job_.objective().targets(job_, job_.data.train, micro.positions);
    mix_texts(micro);
    return micro;
  }
  auto batch = batches_->next();
  if (!batch) return std::nullopt;
  micro.number = batch->number;
  micro.positions = batch->indices;
  const Json& train = job_.config.values["train"];
  data::MixOptions options;
  options.mixup_alpha = train["mixup"].get<double>();
  options.cutmix_alpha = train["cutmix"].get<double>();
  const c10::Device device = job_.model().device();
  if (mixes_inputs(job_) && micro.positions.size() > 1) {
    const data::Mixed mixed = data::mix(*batch, static_cast<int64_t>(job_.model().classes().size()),
                                        options, mixing(micro.number));
    micro.flow = {"pixels", mixed.pixels.to(device)};
    micro.targets = mixed.targets.to(device);
  } else {
    micro.tokens = tokens_in(batch->inputs);
    if (reader_.shares_prefixes()) micro.shared = leave_out_shared(batch->inputs);
    micro.flow = batch->inputs.to(device);
    micro.targets = job_.objective().targets(job_, job_.data.train, micro.positions);
    mix_texts(micro);
  }
  return micro;
}

Rng BatchStream::mixing(int64_t number) const {
  return Rng{job_.config.seed(), static_cast<uint64_t>(epoch_), static_cast<uint64_t>(number)};
}

void BatchStream::mix_texts(MicroBatch& batch) const {
  const auto alpha = job_.config.values["train"]["mixup"].get<double>();
  if (alpha <= 0 || mixes_inputs(job_) || batch.positions.size() < 2) return;
  const data::RowMix mixed =
      data::mix_rows(batch.targets, static_cast<int64_t>(job_.model().classes().size()), alpha,
                     mixing(batch.number));
  batch.share = mixed.share;
  batch.targets = mixed.targets;
}

}  // namespace graft::train
