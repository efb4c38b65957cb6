#include "graft/data/loader.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <future>
#include <utility>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/data/names.h"
#include "graft/data/preparer.h"

namespace graft::data {
namespace {

/// How often each entry stood in the order before; empty when none comes twice.
std::vector<uint32_t> earlier_visits(const std::vector<int64_t>& order, int64_t samples) {
  std::vector<uint32_t> seen(static_cast<size_t>(samples), 0);
  std::vector<uint32_t> visits;
  visits.reserve(order.size());
  bool repeated = false;
  for (const int64_t position : order) {
    visits.push_back(seen[static_cast<size_t>(position)]++);
    repeated = repeated || visits.back() > 0;
  }
  if (!repeated) visits.clear();
  return visits;
}

}  // namespace

/// A batch in the making. Workers fill the slots, each slot by one of them, and share it; the
/// futures lie elsewhere, because a future keeps its task alive and the task this.
struct Loader::Work {
  Batch batch;
  std::vector<uint32_t> visits;
  std::shared_ptr<const SampleWriter> writer;
  std::atomic<int64_t> next_slot{0};
  std::atomic<bool> cancelled{false};
  std::vector<std::string> reasons;  // a slot; empty where it went well

  void fill() {
    for (int64_t slot = next_slot++; slot < batch.size() && !cancelled; slot = next_slot++) {
      const auto i = static_cast<size_t>(slot);
      try {
        writer->write(batch.indices[i], visits.empty() ? 0 : visits[i], batch.inputs, slot);
      } catch (const Error& error) {
        reasons[i] = error.what();
      }
    }
  }
};

struct Loader::Pending {
  std::shared_ptr<Work> work;
  std::vector<std::future<void>> workers;

  void wait() const {
    for (const auto& worker : workers) worker.wait();
  }
};

Loader::Loader(View view, std::vector<int64_t> order, Transform transform, LoaderOptions options,
               std::shared_ptr<ThreadPool> pool, std::shared_ptr<ImageCache> cache)
    : Loader(view, std::move(order),
             std::make_shared<Preparer>(view, std::move(transform), std::move(cache)),
             std::move(options), std::move(pool)) {}

Loader::Loader(View view, std::vector<int64_t> order, std::shared_ptr<const SampleWriter> writer,
               LoaderOptions options, std::shared_ptr<ThreadPool> pool)
    : view_(std::move(view)),
      order_(std::move(order)),
      writer_(std::move(writer)),
      options_(std::move(options)),
      pool_(std::move(pool)),
      next_batch_(options_.first_batch) {
  GRAFT_ASSERT(options_.batch_size > 0 && options_.prefetch >= 0 && options_.first_batch >= 0);
  for (const int64_t position : order_) GRAFT_ASSERT(position >= 0 && position < view_.size());
  visits_ = earlier_visits(order_, view_.size());
  const auto samples = static_cast<int64_t>(order_.size());
  batches_ = options_.drop_last ? samples / options_.batch_size
                                : (samples + options_.batch_size - 1) / options_.batch_size;
}

Loader::~Loader() {
  for (auto& pending : pending_) pending.work->cancelled = true;
  for (auto& pending : pending_) pending.wait();
}

void Loader::start_batch() {
  auto work = std::make_shared<Work>();
  const int64_t first = next_batch_ * options_.batch_size;
  const int64_t last = std::min(first + options_.batch_size, static_cast<int64_t>(order_.size()));
  work->batch.number = next_batch_++;
  work->batch.indices.assign(order_.begin() + first, order_.begin() + last);
  if (!visits_.empty()) work->visits.assign(visits_.begin() + first, visits_.begin() + last);
  work->batch.inputs = writer_->room(last - first);
  work->writer = writer_;
  work->reasons.resize(static_cast<size_t>(last - first));
  Pending pending{work, {}};
  if (pool_) {
    for (int64_t i = 0; i < std::min<int64_t>(pool_->size(), last - first); ++i) {
      pending.workers.push_back(pool_->run([work] { work->fill(); }));
    }
  }
  pending_.push_back(std::move(pending));
}

std::optional<Batch> Loader::next() {
  const Stopwatch watch;
  while (true) {
    const size_t ahead = pool_ ? static_cast<size_t>(options_.prefetch) + 1 : 1;
    while (pending_.size() < ahead && next_batch_ < batches_) start_batch();
    if (pending_.empty()) return std::nullopt;
    Pending pending = std::move(pending_.front());
    pending_.pop_front();
    if (!pool_) pending.work->fill();
    pending.wait();
    for (auto& worker : pending.workers) worker.get();
    count_bad(*pending.work);
    Batch batch = finish(*pending.work);
    if (batch.size() == 0) continue;
    wait_seconds_ += watch.seconds();
    // The slot that became free is filled while the caller computes.
    if (pool_ && next_batch_ < batches_) start_batch();
    return batch;
  }
}

void Loader::count_bad(const Work& work) {
  for (size_t i = 0; i < work.reasons.size(); ++i) {
    if (work.reasons[i].empty()) continue;
    const int64_t position = work.batch.indices[i];
    ++bad_;
    if (options_.on_bad) options_.on_bad({position, view_.sample(position).id, work.reasons[i]});
    const auto all = static_cast<double>(order_.size());
    if (bad_ <= std::max<int64_t>(1, static_cast<int64_t>(options_.max_bad_share * all))) continue;
    fail_unreadable(
        "{} of an epoch's {} pictures cannot be read, more than the {:.3g} % that are tolerated; "
        "the last: {}. "
        "`graft check` lists them all",
        bad_, grouped(static_cast<int64_t>(order_.size())), 100 * options_.max_bad_share,
        work.reasons[i]);
  }
}

Batch Loader::finish(Work& work) {
  Batch batch = std::move(work.batch);
  int64_t kept = 0;
  for (int64_t slot = 0; slot < static_cast<int64_t>(work.reasons.size()); ++slot) {
    const auto from = static_cast<size_t>(slot);
    if (!work.reasons[from].empty()) continue;
    if (kept != slot) {
      batch.indices[static_cast<size_t>(kept)] = batch.indices[from];
      for (const auto& [name, tensor] : batch.inputs.tensors()) {
        std::memmove(row_of(tensor, kept), row_of(tensor, slot),
                     static_cast<size_t>(tensor.stride(0)) * sizeof(float));
      }
    }
    ++kept;
  }
  batch.indices.resize(static_cast<size_t>(kept));
  batch.inputs = batch.inputs.map([kept](const at::Tensor& t) { return t.narrow(0, 0, kept); });
  if (options_.classes > 0) {
    batch.targets = at::zeros({kept, options_.classes}, at::kFloat);
    for (int64_t i = 0; i < kept; ++i) {
      for (const int label : view_.sample(batch.indices[static_cast<size_t>(i)]).labels) {
        batch.targets.data_ptr<float>()[i * options_.classes + label] = 1;
      }
    }
  } else {
    batch.labels = at::empty({kept}, at::kLong);
    for (int64_t i = 0; i < kept; ++i) {
      batch.labels.data_ptr<int64_t>()[i] = view_.label(batch.indices[static_cast<size_t>(i)]);
    }
  }
  return batch;
}

at::Tensor to_pixels(const image::Image& picture, const image::Preprocess& preprocess) {
  const image::Image ready = preprocess.apply(picture);
  at::Tensor pixels = empty_pixels(1, {ready.width, ready.height});
  preprocess.to_floats(ready, pixels.data_ptr<float>());
  return pixels;
}

at::Tensor load_one(const View& view, int64_t position, const image::Preprocess& preprocess) {
  return to_pixels(view.load(position), preprocess);
}

}  // namespace graft::data
