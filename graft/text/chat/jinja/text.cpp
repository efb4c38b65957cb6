#include "graft/text/chat/jinja/text.h"

#include <algorithm>

namespace graft::texts::jinja {
namespace {

auto run_at(const std::vector<Text::Run>& runs, size_t at) {
  return std::upper_bound(runs.begin(), runs.end(), at,
                          [](size_t value, const Text::Run& run) { return value < run.end; });
}

}  // namespace

void Text::append(std::string_view bytes, Origin origin) {
  if (bytes.empty()) return;
  bytes_ += bytes;
  if (!runs_.empty() && runs_.back().origin == origin) {
    runs_.back().end = bytes_.size();
  } else {
    runs_.push_back({bytes_.size(), origin});
  }
}

void Text::append(const Text& other) {
  append(other, 0, other.size());
}

void Text::append(const Text& other, size_t begin, size_t end) {
  if (&other == this) return append(Text(other), begin, end);
  end = std::min(end, other.size());
  for (auto run = run_at(other.runs_, begin); begin < end; ++run) {
    const size_t stop = std::min(end, run->end);
    append(std::string_view(other.bytes_).substr(begin, stop - begin), run->origin);
    begin = stop;
  }
}

Text Text::slice(size_t begin, size_t end) const {
  Text part;
  part.append(*this, begin, end);
  part.markup = markup;
  return part;
}

Origin Text::origin_at(size_t at) const {
  if (runs_.empty()) return {};
  const auto run = run_at(runs_, at);
  return run == runs_.end() ? runs_.back().origin : run->origin;
}

}  // namespace graft::texts::jinja
