#include "graft/data/divide_samples.h"

#include <algorithm>

#include "graft/base/utf8.h"
#include "graft/data/names.h"

namespace graft::data {
namespace {

/// Samples of another source; some of them have a text of their own.
class PartSource final : public Source {
 public:
  explicit PartSource(std::shared_ptr<const Source> whole) : whole_(std::move(whole)) {}

  int64_t add(int64_t i) {
    samples_.push_back(whole_->sample(i));
    from_.push_back(i);
    texts_.emplace_back();
    return size() - 1;
  }
  int64_t add(int64_t i, size_t part, std::string text) {
    add(i);
    samples_.back().id += fmt::format(":{}", part + 1);
    texts_.back() = std::move(text);
    return size() - 1;
  }

  Content content() const override { return whole_->content(); }
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  const Sample& sample(int64_t i) const override { return samples_[static_cast<size_t>(i)]; }
  Text text(int64_t i) const override {
    const std::string& own = texts_[static_cast<size_t>(i)];
    return own.empty() ? whole_->text(from_[static_cast<size_t>(i)]) : Text{own};
  }

 private:
  std::shared_ptr<const Source> whole_;
  std::vector<Sample> samples_;
  std::vector<int64_t> from_;
  std::vector<std::string> texts_;
};

/// Where a text is cut in two: behind the white space nearest to the middle, else between two
/// characters there. 0 when it cannot be cut.
size_t middle_of(std::string_view text) {
  const size_t half = text.size() / 2;
  size_t best = 0;
  for (size_t i = text.size() / 4; i < text.size() - text.size() / 4; ++i) {
    const bool space = text[i] == ' ' || text[i] == '\n' || text[i] == '\t';
    const size_t cut = i + 1;
    const auto distance = [half](size_t at) { return at > half ? at - half : half - at; };
    if (space && (best == 0 || distance(cut) < distance(best))) best = cut;
  }
  for (size_t i = half; best == 0 && i < text.size(); ++i) {
    if (i > 0 && starts_character(text[i])) best = i;
  }
  return best;
}

void cut(const std::string& text, bool last,
         const std::function<bool(const std::string& piece, bool last)>& fits,
         std::vector<std::string>& pieces) {
  const size_t middle = fits(text, last) ? 0 : middle_of(text);
  if (middle == 0 || middle >= text.size()) {
    pieces.push_back(text);
    return;
  }
  cut(text.substr(0, middle), false, fits, pieces);
  cut(text.substr(middle), last, fits, pieces);
}

}  // namespace

std::vector<std::string> pieces_of(
    const std::string& text, const std::function<bool(const std::string& piece, bool last)>& fits) {
  std::vector<std::string> pieces;
  cut(text, true, fits, pieces);
  return pieces;
}

void divide_samples(Dataset& data, const DivideText& divide, int64_t most, ThreadPool& pool) {
  const std::shared_ptr<const Source> whole = data.train.source;
  std::vector<std::vector<std::string>> parts(static_cast<size_t>(whole->size()));
  for (const View* view : data.views()) {
    if (view->source != whole) continue;
    pool.for_each(view->size(), [&](int64_t position) {
      auto texts = divide(view->text(position));
      if (texts.size() > 1) parts[static_cast<size_t>(view->index(position))] = std::move(texts);
    });
  }
  const auto divided =
      std::count_if(parts.begin(), parts.end(), [](const auto& texts) { return !texts.empty(); });
  if (divided == 0) return;
  auto source = std::make_shared<PartSource>(whole);
  int64_t pieces = 0;
  for (View* view : {&data.train, &data.validation, &data.test}) {
    if (view->source != whole) continue;
    std::vector<int64_t> indices;
    indices.reserve(view->indices.size());
    for (const int64_t i : view->indices) {
      auto& texts = parts[static_cast<size_t>(i)];
      if (texts.empty()) indices.push_back(source->add(i));
      for (size_t part = 0; part < texts.size(); ++part)
        indices.push_back(source->add(i, part, std::move(texts[part])));
      pieces += static_cast<int64_t>(texts.size());
    }
    view->indices = std::move(indices);
    view->source = source;
  }
  data.notes.push_back(fmt::format("{} texts have more than {} tokens and became {} pieces",
                                   grouped(divided), most, grouped(pieces)));
}

}  // namespace graft::data
