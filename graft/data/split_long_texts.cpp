#include "graft/data/split_long_texts.h"

#include <algorithm>

#include "graft/base/error.h"
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
  int64_t add(int64_t i, size_t part, std::string line) {
    add(i);
    samples_.back().id += fmt::format(":{}", part + 1);
    texts_.back() = std::move(line);
    return size() - 1;
  }

  Content content() const override { return whole_->content(); }
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  const Sample& sample(int64_t i) const override { return samples_[static_cast<size_t>(i)]; }
  Text text(int64_t i) const override {
    const std::string& own = texts_[static_cast<size_t>(i)];
    return own.empty() ? whole_->text(from_[static_cast<size_t>(i)]) : Text{own, std::nullopt};
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

class Splitter {
 public:
  explicit Splitter(const texts::RecordEncoder& encoder)
      : encoder_(encoder), most_(encoder.preprocess().max_length) {}

  /// The records that a text becomes; empty where it stays as it is.
  std::vector<std::string> parts_of(const std::string& line) const {
    // A token has a byte at least.
    if (static_cast<int64_t>(line.size()) <= most_) return {};
    try {
      const texts::Record record = texts::parse_record(line);
      std::vector<std::string> lines;
      if (record.shape == texts::Record::Shape::text) split(record, lines);
      if (lines.size() > 1) return lines;
    } catch (const Error& error) {
      // What is wrong with it is said where records are tokenized.
      if (error.code() != ErrorCode::unreadable) throw;
      return {};
    }
    return {};
  }

 private:
  void split(const texts::Record& record, std::vector<std::string>& lines) const {
    const std::string text = record.value.at("text").get<std::string>();
    const bool fits = !encoder_.apply(record).cut;
    const size_t cut = fits ? 0 : middle_of(text);
    if (cut == 0 || cut >= text.size()) {
      lines.push_back(record.line());
      return;
    }
    texts::Record first = record;
    texts::Record second = record;
    first.value["text"] = text.substr(0, cut);
    first.value["continues"] = true;
    second.value["text"] = text.substr(cut);
    split(first, lines);
    split(second, lines);
  }

  const texts::RecordEncoder& encoder_;
  int64_t most_;
};

}  // namespace

void split_long_texts(Dataset& data, const texts::RecordEncoder& encoder, ThreadPool& pool) {
  const std::shared_ptr<const Source> whole = data.train.source;
  std::vector<std::vector<std::string>> parts(static_cast<size_t>(whole->size()));
  const Splitter splitter(encoder);
  for (const View* view : data.views()) {
    if (view->source != whole) continue;
    pool.for_each(view->size(), [&](int64_t position) {
      parts[static_cast<size_t>(view->index(position))] =
          splitter.parts_of(view->text(position).first);
    });
  }
  const auto divided =
      std::count_if(parts.begin(), parts.end(), [](const auto& lines) { return !lines.empty(); });
  if (divided == 0) return;
  auto source = std::make_shared<PartSource>(whole);
  int64_t pieces = 0;
  for (View* view : {&data.train, &data.validation, &data.test}) {
    if (view->source != whole) continue;
    std::vector<int64_t> indices;
    indices.reserve(view->indices.size());
    for (const int64_t i : view->indices) {
      auto& lines = parts[static_cast<size_t>(i)];
      if (lines.empty()) indices.push_back(source->add(i));
      for (size_t part = 0; part < lines.size(); ++part)
        indices.push_back(source->add(i, part, std::move(lines[part])));
      pieces += static_cast<int64_t>(lines.size());
    }
    view->indices = std::move(indices);
    view->source = source;
  }
  data.notes.push_back(fmt::format("{} texts have more than {} tokens and became {} pieces",
                                   grouped(divided), encoder.preprocess().max_length,
                                   grouped(pieces)));
}

}  // namespace graft::data
