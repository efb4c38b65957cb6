#include "graft/data/decoded_pictures.h"

#include <algorithm>

#include "graft/base/error.h"

namespace graft::data {

void DecodedPictures::keep(const Dataset& data, int64_t bytes) {
  caches_.clear();
  if (bytes <= 0) return;
  // Each source gets a part that fits its share of the samples; the test split is read once only.
  const auto samples = static_cast<double>(data.train.size() + data.validation.size());
  const bool shared = data.train.source == data.validation.source;
  for (const View* view : {&data.train, &data.validation}) {
    if (view->empty() || caches_.contains(view->source.get())) continue;
    const double share = shared ? 1 : static_cast<double>(view->size()) / samples;
    caches_[view->source.get()] = std::make_shared<ImageCache>(
        view->source, static_cast<int64_t>(static_cast<double>(bytes) * share));
  }
}

std::shared_ptr<ImageCache> DecodedPictures::of(const Source* source) const {
  const auto found = caches_.find(source);
  return found == caches_.end() ? nullptr : found->second;
}

ReadCost median_cost(const View& view, int64_t samples, const std::function<bool()>& stop,
                     const std::function<OneRead(int64_t position)>& read) {
  ReadCost cost;
  const int64_t n = std::min(samples, view.size());
  std::vector<double> first, again;
  for (int64_t i = 0; i < n && (first.empty() || !stop()); ++i) {
    try {
      const OneRead one = read(i * view.size() / n);
      first.push_back(one.first_s);
      again.push_back(one.again_s);
      cost.kept_bytes += one.bytes;
    } catch (const Error&) {
      continue;  // a bad sample is the loader's business
    }
  }
  if (first.empty()) return cost;
  // A median: one picture that comes from a cold disk must not speak for all.
  std::sort(first.begin(), first.end());
  std::sort(again.begin(), again.end());
  cost.first_s = first[first.size() / 2];
  cost.again_s = again[again.size() / 2];
  cost.kept_bytes /= static_cast<double>(first.size());
  return cost;
}

}  // namespace graft::data
