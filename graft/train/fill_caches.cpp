#include <torch/types.h>

#include <algorithm>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/data/sampling.h"
#include "graft/tensor/memory.h"
#include "graft/train/batches.h"
#include "graft/train/epoch.h"

/// The caches of the frozen prefix: whether a stage gets them, and how they are filled.
namespace graft::train {

/// A cache and which of `positions` are in it.
struct Reader::Filled {
  std::unique_ptr<FeatureCache> cache;  ///< null when the time did not allow one batch
  std::vector<int64_t> rows;            ///< position in the view → first row, -1 where not kept
  Kept kept;
  bool bad = false;  ///< a picture could not be read
};

int64_t Reader::cache_limit() const {
  const Json& given = job_.config.values["train"]["cache_limit"];
  if (given != "auto") return given == "none" ? 0 : parse_bytes(given, "train.cache_limit");
  const int64_t automatic = usable_memory_bytes() / 4;
  if (!job_.config.budget.memory) return automatic;
  return std::min(automatic, std::max<int64_t>(0, (*job_.config.budget.memory - held_bytes()) / 2));
}

std::vector<int64_t> Reader::first_pass() const {
  std::vector<int64_t> order = spread(job_.data.train);
  if (job_.config.values["sampling"]["rate"].get<double>() >= 1) return order;
  std::vector<char> visited(order.size(), 0);
  for (const int64_t position : epoch_order(job_, 0)) visited[static_cast<size_t>(position)] = 1;
  std::erase_if(order, [&](int64_t position) { return !visited[static_cast<size_t>(position)]; });
  return order;
}

std::vector<int64_t> Reader::cache_order() const {
  const Json& sampling = job_.config.values["sampling"];
  // Where every epoch has the same samples, the others are not needed.
  const bool same = sampling["policy"] == "uniform" && !sampling["balanced"].get<bool>();
  return same ? first_pass() : spread(job_.data.train);
}

Reader::Filled Reader::fill(const data::View& view, const std::vector<int64_t>& positions,
                            int border, const Kept& wanted, bool augment,
                            const Deadline& deadline) {
  Filled filled;
  filled.kept = wanted;
  filled.rows.assign(static_cast<size_t>(view.size()), -1);
  filled.cache = std::make_unique<FeatureCache>(job_.model(), border, job_.inputs->parts());
  filled.cache->seal();
  const at::NoGradGuard no_grad;
  nn::Context context;
  const auto n = static_cast<int64_t>(positions.size());
  const double share = job_.share_of_forward(border);
  bool ready = false;
  for (int64_t v = 0; v < wanted.views; ++v) {
    const auto passed = batches(view, positions, augment, v, wanted.batch);
    int64_t at_row = 0;
    while (true) {
      if (!deadline.fits(pace_.next_batch_s(share))) {
        training_cut_ = training_cut_ || &view == &job_.data.train;
        // The first view of the samples so far, or all samples in the views so far.
        if (v == 0) filled.kept.samples = at_row;
        filled.kept.views = std::max<int64_t>(1, v);
        if (!ready) filled.cache.reset();
        return filled;
      }
      const Stopwatch watch;
      const auto batch = passed->next();
      if (!batch) break;
      if (batch->indices.empty()) continue;
      // Features lie where there is more room: beside a GPU.
      const nn::Flow flow =
          job_.model()
              .forward(batch->inputs.to(job_.model().device()), context, 0, border)
              .to(at::kCPU);
      if (!ready) filled.cache->reserve(n * wanted.views, flow);
      ready = true;
      // Samples come in the order of `positions`; one that cannot be read leaves no row.
      for (size_t i = 0; i < batch->indices.size(); ++i) {
        for (; positions[static_cast<size_t>(at_row)] != batch->indices[i]; ++at_row)
          filled.bad = true;
        const auto row = static_cast<int64_t>(i);
        filled.cache->store(at_row * wanted.views + v, flow, row);
        if (v == 0) filled.rows[static_cast<size_t>(batch->indices[i])] = at_row * wanted.views;
        ++at_row;
      }
      pace_.record(batch->size(), watch.seconds(), share);
    }
    filled.bad = filled.bad || at_row < n;
  }
  if (!ready) filled.cache.reset();
  return filled;
}

bool Reader::begin_border(int border, double passes, const Deadline& deadline,
                          const std::optional<Kept>& replayed, int64_t& cached_samples) {
  train_cache_.reset();
  validation_cache_.reset();
  rows_.clear();
  validation_rows_.clear();
  kept_.reset();
  cached_views_ = 1;
  shares_prefixes_ = job_.shares_prefixes(border);
  const Json& values = job_.config.values;
  const std::string wanted = values["cache"].get<std::string>();
  const bool mixes = mixes_inputs(job_);
  const bool fresh = job_.inputs->random() && views_ == 0;
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
  const int64_t views = job_.inputs->random() ? views_ : 1;
  if (wanted == "auto" && passes < 2.0 * static_cast<double>(views))
    return false;  // would compute as much, and store it
  // Nothing is computed below it, and what is kept sample by sample shares nothing.
  if (wanted == "auto" && shares_prefixes_) return false;

  std::vector<int64_t> needed = cache_order();
  const int64_t row = FeatureCache::row_bytes(job_.model(), border, *job_.inputs);
  const int64_t limit = cache_limit();
  const auto rows = static_cast<int64_t>(needed.size()) * views;
  validation_fits_ = row * (rows + job_.data.validation.size()) <= limit;
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
  const Kept whole{static_cast<int64_t>(needed.size()), views, batch_size(deadline)};
  Kept asked = whole;
  if (replayed) {
    asked = {std::min(replayed->samples, whole.samples), std::min(replayed->views, whole.views),
             replayed->batch > 0 ? replayed->batch : pass_batch_};
  }
  needed.resize(static_cast<size_t>(asked.samples));
  Filled train =
      fill(job_.data.train, needed, border, asked, views_ > 0 && job_.inputs->random(), deadline);
  if (!train.cache) return false;
  train_cache_ = std::move(train.cache);
  rows_ = std::move(train.rows);
  cached_views_ = train.kept.views;
  cached_samples += train.kept.samples * train.kept.views;
  if (train.kept.samples < whole.samples || train.kept.views < whole.views ||
      train.kept.batch != pass_batch_) {
    kept_ = train.kept;
  }
  if (train.kept.samples < asked.samples) {
    warn_(
        fmt::format("the time budget allowed to send {} of {} training samples through the frozen "
                    "blocks; training uses those",
                    train.kept.samples, whole.samples));
  } else if (train.kept.views < asked.views) {
    warn_(fmt::format("the time budget allowed {} of {} views of the training samples",
                      train.kept.views, whole.views));
  }
  return true;
}

void Reader::cache_validation(const Deadline& deadline) {
  const data::View& validation = job_.data.validation;
  if (!train_cache_ || validation.empty() || !validation_fits_) return;
  const int border = train_cache_->border();
  Filled filled = fill(validation, spread(validation), border,
                       {validation.size(), 1, batch_size(deadline)}, false, deadline);
  // An evaluation that has to leave out samples says so itself, from their pictures.
  if (!filled.cache || filled.bad) return;
  validation_cache_ = std::move(filled.cache);
  validation_rows_ = std::move(filled.rows);
  evaluation_flops_ += static_cast<double>(filled.kept.samples) * job_.profile.forward(0, border);
}

}  // namespace graft::train
